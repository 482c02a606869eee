package slack

import (
	"fmt"

	api "github.com/slack-go/slack"

	"github.com/orderly-ops/orderly/activities/action"
)

// limits are Slack's errors that mean the same as status 429.
var limits = []string{"ratelimited", "rate_limited", "message_limit_exceeded"}

// transient are Slack's errors that go away by themselves.
var transient = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}

// advise says what kind of failure an error of Slack's is, and what to do about it. What it does not
// know is a refusal.
func advise(o op, no api.SlackErrorResponse) (kind, advice string) {
	switch no.Err {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "not_allowed_token_type", "account_inactive":
		return action.ErrDenied, ": put a bot token (xoxb-…) of an installed app into notify.slack.token in orderly.yaml"
	case "missing_scope":
		return action.ErrDenied, fmt.Sprintf(": add the scope %s to the app and install it anew", or(no.Needed, scopes[o.method]))
	case "not_in_channel":
		return action.ErrDenied, fmt.Sprintf(": invite the app to %s (/invite @…)", o.place)
	case "channel_not_found":
		return action.ErrNotFound, fmt.Sprintf(": is %s right in org.yaml? A private channel has to have the app invited (/invite @…)", o.place)
	case "user_not_found", "user_not_visible", "user_disabled", "users_not_found":
		return action.ErrNotFound, fmt.Sprintf(": is the member id %s right in org.yaml? It is in the member's profile under ⋮", o.place)
	case "is_archived":
		return action.ErrDenied, fmt.Sprintf(": unarchive %s, or name another channel in org.yaml", o.place)
	case "messages_tab_disabled", "cannot_dm_bot":
		return action.ErrDenied, ": switch on the Messages tab under App Home of the app"
	case "restricted_action", "restricted_action_read_only_channel", "ekm_access_denied", "access_denied", "no_permission", "org_login_required", "team_access_not_granted":
		return action.ErrDenied, fmt.Sprintf(": the workspace does not allow it in %s: ask its administrators", or(o.place, "this place"))
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_metadata_format", "metadata_too_large":
		return action.ErrInput, ": the message is not as Slack wants it, which is a fault in Orderly: please report it"
	default:
		return action.ErrDenied, ""
	}
}

// scopes are what the methods need, where Slack does not say so itself.
var scopes = map[string]string{
	"chat.postMessage":         "chat:write",
	"chat.update":              "chat:write",
	"conversations.archive":    "channels:manage",
	"conversations.create":     "channels:manage",
	"conversations.history":    "channels:history, groups:history and im:history",
	"conversations.info":       "channels:read and groups:read",
	"conversations.invite":     "channels:manage",
	"conversations.open":       "im:write",
	"conversations.replies":    "channels:history and groups:history",
	"conversations.setPurpose": "channels:manage",
	"conversations.setTopic":   "channels:manage",
	"users.conversations":      "channels:read and groups:read",
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
