/* The rest of the fake driver: every function that is linked, where fakedriver.c does not have it. */
#define SYMBOL(index, name, needed) \
	__attribute__((weak)) int name(void) { return 999; }
#include "symbols.h"
