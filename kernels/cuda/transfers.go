package cuda

// Transfers are the speeds of copies in bytes a second, each the median of several.
type Transfers struct {
	DeviceToDevice float64 // bytes read and written
	HostToDevice   float64 // from page-locked memory
	DeviceToHost   float64 // to page-locked memory
}
