package sops

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryKeyOfAProcedureIsDocumented(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	require.NoError(t, WriteReference(&page))
	for _, part := range []reflect.Type{
		reflect.TypeFor[Procedure](), reflect.TypeFor[Input](), reflect.TypeFor[Schedule](), reflect.TypeFor[Phase](), reflect.TypeFor[Step](),
		reflect.TypeFor[Retry](), reflect.TypeFor[Each](), reflect.TypeFor[Repeat](), reflect.TypeFor[Wait](), reflect.TypeFor[Undo](),
		reflect.TypeFor[Approval](), reflect.TypeFor[Rollback](), reflect.TypeFor[FormField](), reflect.TypeFor[Incident](),
	} {
		require.Contains(t, page.String(), "\n## "+partName(part)+"\n")
		for i := range part.NumField() {
			f := part.Field(i)
			if key := f.Tag.Get("yaml"); f.IsExported() && key != "-" {
				require.NotEmpty(t, f.Tag.Get("doc"), "%s.%s", part.Name(), f.Name)
				require.Contains(t, page.String(), "| `"+key+"` |")
			}
		}
	}
}

func TestEveryKeyOfTheOrgIsDocumented(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	require.NoError(t, WriteOrgReference(&page))
	for _, part := range []reflect.Type{
		reflect.TypeFor[Org](), reflect.TypeFor[Person](), reflect.TypeFor[Rotation](), reflect.TypeFor[Cover](), reflect.TypeFor[Role](),
		reflect.TypeFor[Channel](), reflect.TypeFor[Vendor](), reflect.TypeFor[Service](), reflect.TypeFor[Severity](), reflect.TypeFor[Policy](),
		reflect.TypeFor[Tier](), reflect.TypeFor[Calendar](), reflect.TypeFor[Classification](), reflect.TypeFor[OrgDefaults](),
	} {
		require.Contains(t, page.String(), "\n## "+partName(part)+"\n")
		for i := range part.NumField() {
			f := part.Field(i)
			if key := f.Tag.Get("yaml"); f.IsExported() && key != "-" {
				require.NotEmpty(t, f.Tag.Get("doc"), "%s.%s", part.Name(), f.Name)
				require.Contains(t, page.String(), "| `"+key+"` |")
			}
		}
	}
}
