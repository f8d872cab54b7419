/* What load.c does for Go. See load.c. */
#ifndef CUDRV_LOAD_H
#define CUDRV_LOAD_H

/* How far cudrv_load got. */
enum {
	CUDRV_READY,     /* the driver is initialized and the jumps lead into it */
	CUDRV_NOT_FOUND, /* no library could be opened; text says why */
	CUDRV_NO_DRIVER, /* the library that was opened is not a CUDA driver */
	CUDRV_FAILED,    /* the driver's cuInit failed; result says how */
};

typedef struct {
	int state;
	int result;      /* cuInit's */
	int version;     /* 1000 * major + 10 * minor of the newest CUDA that the driver supports, or 0 */
	char file[1024]; /* the library, as the loader names it */
	char text[1024]; /* the loader's error */
} cudrv_driver;

void cudrv_load(const char *library, cudrv_driver *out);
const char *cudrv_symbol_name(int i);
int cudrv_symbol_needed(int i);
int cudrv_symbol_found(int i);

#endif
