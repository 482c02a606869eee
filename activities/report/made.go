package report

// Made makes the findings of an input as report.findings does, without keeping them: for rehearsals.
func Made(in FindingsInput) (Findings, error) {
	all, err := collect(in)
	if err != nil {
		return Findings{}, err
	}
	return summarise(all, len(in.Rules), len(in.NotChecked)), nil
}
