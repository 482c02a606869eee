package simulate

// Expect is what a run must come to.
type Expect struct {
	State    string               `yaml:"state" enum:"succeeded,failed,cancelled,running" doc:"How it ends; running: it is still open at the horizon."`
	Ends     string               `yaml:"ends" doc:"When: '+41m' exactly, or '<= +2h'."`
	Pages    []PageWant           `yaml:"pages" doc:"All pages that reach somebody, in order: '+when who', or 'who' at the time of the one before."`
	Paged    []PageWant           `yaml:"paged" doc:"Pages that must occur, in this order."`
	Told     []string             `yaml:"told" doc:"Channels, groups and people that are told, in this order; [] is nobody."`
	Phases   map[string]string    `yaml:"phases" doc:"Phases and their states."`
	Steps    map[string]StepWant  `yaml:"steps" doc:"Steps, by id or path: a state, or {state, error, reason, outputs}."`
	NotRun   []string             `yaml:"not_run" doc:"Steps that stay pending or are skipped."`
	Clocks   map[string]ClockWant `yaml:"clocks" doc:"Clocks: met, breached, stopped or running, with '+when'."`
	Undone   []string             `yaml:"undone" doc:"Steps that are undone, in this order, and no others."`
	Left     []string             `yaml:"left" doc:"Steps whose undo is left, and no others."`
	Incident *IncidentWant        `yaml:"incident" doc:"How the incident stands in the end."`
	Started  []string             `yaml:"started" doc:"Procedures that are started and left running."`
	Findings []string             `yaml:"findings" doc:"Each is part of some finding's text; [] is none."`
	Timeline []string             `yaml:"timeline" doc:"Parts of lines of the timeline, in this order."`
}

// PageWant is a page that is expected.
type PageWant struct {
	At  Moment `yaml:"at" doc:"When, to the second."`
	To  string `yaml:"to" required:"true" doc:"The person."`
	Via string `yaml:"via" doc:"A transport that it went out over."`
}

// StepWant is what a step must come to.
type StepWant struct {
	State   string         `yaml:"state" enum:"pending,running,succeeded,failed,skipped,cancelled" doc:"How it ends."`
	Error   string         `yaml:"error" doc:"Part of its error."`
	Reason  string         `yaml:"reason" doc:"Part of why it was skipped, or of who did it."`
	Outputs map[string]any `yaml:"outputs" doc:"Fields of its outputs."`
}

// ClockWant is what becomes of a promise.
type ClockWant struct {
	State string
	At    Moment
}

// IncidentWant is how an incident must stand.
type IncidentWant struct {
	Severity string `yaml:"severity" doc:"Its grade."`
	Level    string `yaml:"level" doc:"Its policy."`
	Owner    string `yaml:"owner" doc:"The person who has it."`
	State    string `yaml:"state" enum:"open,acknowledged,mitigated,resolved,aborted" doc:"How it stands."`
}

// Never is something that must not happen.
type Never struct {
	Page   string `yaml:"page" doc:"This person is paged."`
	Action string `yaml:"action" doc:"This action is really carried out, not as a dry run."`
	Step   string `yaml:"step" doc:"This step runs."`
	Breach string `yaml:"breach" doc:"This clock is breached."`
	Tell   string `yaml:"tell" doc:"This channel, group or person is told."`
}
