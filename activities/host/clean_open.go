package host

// identity is what the system knows a file by, and what deleting it frees.
type identity struct {
	device, inode uint64
	links         uint64 // names it has
	bytes         int64  // on disk: a file with holes occupies less than its size
}

// freed is how many bytes are free once one name of the file is gone.
func (i identity) freed() int64 {
	if i.links > 1 {
		return 0
	}
	return i.bytes
}

// openFiles is the files that programs have open, by device and inode.
type openFiles struct {
	files map[[2]uint64]bool
	all   bool // of every program: those of other users are hidden from most
}

func (o openFiles) has(i identity) bool { return o.files[[2]uint64{i.device, i.inode}] }
