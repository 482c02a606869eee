package simulate

// OnSDK leaves the coroutines to Temporal's own SDK, as a worker does.
func (o Options) OnSDK() Options {
	o.sdk = true
	return o
}
