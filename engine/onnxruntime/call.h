#include <stddef.h>
#include <stdint.h>

// A runtime is the library with its table of functions. Functions that can fail return NULL, or a message to be freed.
typedef struct {
	void *library;
	void **table;
	void *environment;
	const char *version;
} debut_runtime;

char *debut_ort_open(const char *path, debut_runtime *out);
void debut_ort_close(debut_runtime *r);
char *debut_ort_load(debut_runtime *r, const char *path, int threads, void **session);
char *debut_ort_count(debut_runtime *r, void *session, int outputs, size_t *n);
char *debut_ort_name(debut_runtime *r, void *session, int outputs, size_t i, char **name);
char *debut_ort_tensor(debut_runtime *r, int type, const int64_t *shape, size_t dims, const void *data, size_t bytes, const char *const *texts, size_t n, void **value);
char *debut_ort_run(debut_runtime *r, void *session, const char *const *in_names, void *const *in, size_t ins, const char *const *out_names, void **out, size_t outs);
char *debut_ort_shape(debut_runtime *r, void *value, int *type, int64_t *shape, size_t room, size_t *dims, size_t *count);
char *debut_ort_data(debut_runtime *r, void *value, void **data);
char *debut_ort_texts_length(debut_runtime *r, void *value, size_t *bytes);
char *debut_ort_texts(debut_runtime *r, void *value, void *to, size_t bytes, size_t *offsets, size_t n);
void debut_ort_release_value(debut_runtime *r, void *value);
void debut_ort_release_session(debut_runtime *r, void *session);
