package config

// Notify is the transports that reach people.
type Notify struct {
	Slack   *Slack   `yaml:"slack" doc:"The Slack Web API."`
	Email   *Email   `yaml:"email" doc:"An SMTP server."`
	Webhook *Webhook `yaml:"webhook" doc:"Signs outgoing webhooks."`
	Console *Console `yaml:"console" doc:"Prints pages on the worker's stderr."`
}

// Slack is the Slack Web API.
type Slack struct {
	Token  Secret `yaml:"token" doc:"A bot token." required:"true"`
	APIURL string `yaml:"api_url" doc:"Default: https://slack.com/api/."`
}

// Email is an SMTP server.
type Email struct {
	Host     string `yaml:"host" doc:"Name or address of the server." required:"true"`
	Port     int    `yaml:"port" doc:"Default: 587; 465 with tls: tls, 25 with tls: none."`
	From     string `yaml:"from" doc:"The sender's address." required:"true"`
	Username Secret `yaml:"username" doc:"Goes with password."`
	Password Secret `yaml:"password" doc:"Goes with username."`
	TLS      string `yaml:"tls" enum:"starttls,tls,none" doc:"How the connection is secured. Default: starttls."`
	CA       string `yaml:"ca" doc:"PEM file of a certificate authority to trust besides the system's."`
}

// Webhook signs outgoing webhooks.
type Webhook struct {
	Secret Secret `yaml:"secret" doc:"Key of the HMAC signature." required:"true"`
}

// Console prints pages on the worker's stderr.
type Console struct{}
