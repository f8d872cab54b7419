/* A driver for tests that supports CUDA version DRIVER, and nothing else. */
int cuInit(unsigned flags) { return (int)flags; }
int cuDriverGetVersion(int *version) {
	*version = DRIVER;
	return 0;
}
