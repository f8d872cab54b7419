//go:build cgo && (linux || darwin)

#include "call.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"

// The version of the table that is asked for: the oldest that has all of places.h, so that every later library has it.
#define API_VERSION 11

typedef void *status;

typedef struct {
	void **(*get_api)(uint32_t version);
	const char *(*get_version)(void);
} api_base;

// fails turns a status into a message, and releases it.
static char *fails(debut_runtime *r, status s) {
	if (s == NULL) return NULL;
	char *message = strdup(((const char *(*)(status))r->table[ERROR_MESSAGE])(s));
	((void (*)(status))r->table[RELEASE_STATUS])(s);
	return message;
}

static char *refusal(const char *text) { return strdup(text); }

char *debut_ort_open(const char *path, debut_runtime *out) {
	memset(out, 0, sizeof *out);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) return refusal(dlerror());
	const api_base *(*base)(void) = (const api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	if (base == NULL) {
		dlclose(library);
		return refusal("it has no function OrtGetApiBase");
	}
	out->table = base()->get_api(API_VERSION);
	out->version = base()->get_version();
	out->library = library;
	if (out->table == NULL) {
		dlclose(library);
		return refusal("it is older than version 1.11");
	}
	// Errors alone are logged: what fails is returned, too.
	char *message = fails(out, ((status(*)(int, const char *, void **))out->table[CREATE_ENV])(3, "debut", &out->environment));
	if (message != NULL) dlclose(library);
	return message;
}

// The library stays loaded: threads that it has made may still end in it.
void debut_ort_close(debut_runtime *r) {
	if (r->environment != NULL) ((void (*)(void *))r->table[RELEASE_ENV])(r->environment);
	r->environment = NULL;
}

char *debut_ort_load(debut_runtime *r, const char *path, int threads, void **session) {
	void *options = NULL;
	char *message = fails(r, ((status(*)(void **))r->table[CREATE_SESSION_OPTIONS])(&options));
	if (message != NULL) return message;
	message = fails(r, ((status(*)(void *, int))r->table[SET_THREADS])(options, threads));
	if (message == NULL) message = fails(r, ((status(*)(void *, const char *, void *, void **))r->table[CREATE_SESSION])(r->environment, path, options, session));
	((void (*)(void *))r->table[RELEASE_SESSION_OPTIONS])(options);
	return message;
}

char *debut_ort_count(debut_runtime *r, void *session, int outputs, size_t *n) {
	return fails(r, ((status(*)(void *, size_t *))r->table[outputs ? OUTPUT_COUNT : INPUT_COUNT])(session, n));
}

char *debut_ort_name(debut_runtime *r, void *session, int outputs, size_t i, char **name) {
	void *allocator = NULL;
	char *message = fails(r, ((status(*)(void **))r->table[DEFAULT_ALLOCATOR])(&allocator));
	if (message != NULL) return message;
	char *theirs = NULL;
	message = fails(r, ((status(*)(void *, size_t, void *, char **))r->table[outputs ? OUTPUT_NAME : INPUT_NAME])(session, i, allocator, &theirs));
	if (message != NULL) return message;
	*name = strdup(theirs);
	message = fails(r, ((status(*)(void *, void *))r->table[ALLOCATOR_FREE])(allocator, theirs));
	if (message != NULL) {
		free(*name);
		*name = NULL;
	}
	return message;
}

char *debut_ort_tensor(debut_runtime *r, int type, const int64_t *shape, size_t dims, const void *data, size_t bytes, const char *const *texts, size_t n, void **value) {
	void *allocator = NULL;
	char *message = fails(r, ((status(*)(void **))r->table[DEFAULT_ALLOCATOR])(&allocator));
	if (message != NULL) return message;
	message = fails(r, ((status(*)(void *, const int64_t *, size_t, int, void **))r->table[CREATE_TENSOR])(allocator, shape, dims, type, value));
	if (message != NULL) return message;
	if (texts != NULL) {
		message = fails(r, ((status(*)(void *, const char *const *, size_t))r->table[FILL_TEXTS])(*value, texts, n));
	} else if (bytes > 0) {
		void *to = NULL;
		message = debut_ort_data(r, *value, &to);
		if (message == NULL) memcpy(to, data, bytes);
	}
	if (message != NULL) debut_ort_release_value(r, *value);
	return message;
}

char *debut_ort_run(debut_runtime *r, void *session, const char *const *in_names, void *const *in, size_t ins, const char *const *out_names, void **out, size_t outs) {
	return fails(r, ((status(*)(void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t, void **))r->table[RUN])(session, NULL, in_names, in, ins, out_names, outs, out));
}

char *debut_ort_shape(debut_runtime *r, void *value, int *type, int64_t *shape, size_t room, size_t *dims, size_t *count) {
	void *info = NULL;
	char *message = fails(r, ((status(*)(void *, void **))r->table[TYPE_AND_SHAPE])(value, &info));
	if (message != NULL) return message;
	message = fails(r, ((status(*)(void *, int *))r->table[ELEMENT_TYPE])(info, type));
	if (message == NULL) message = fails(r, ((status(*)(void *, size_t *))r->table[DIMENSIONS_COUNT])(info, dims));
	if (message == NULL && *dims > room) message = refusal("a tensor has too many dimensions");
	if (message == NULL) message = fails(r, ((status(*)(void *, int64_t *, size_t))r->table[DIMENSIONS])(info, shape, *dims));
	if (message == NULL) message = fails(r, ((status(*)(void *, size_t *))r->table[ELEMENT_COUNT])(info, count));
	((void (*)(void *))r->table[RELEASE_TYPE_AND_SHAPE])(info);
	return message;
}

char *debut_ort_data(debut_runtime *r, void *value, void **data) {
	return fails(r, ((status(*)(void *, void **))r->table[GET_DATA])(value, data));
}

char *debut_ort_texts_length(debut_runtime *r, void *value, size_t *bytes) {
	return fails(r, ((status(*)(void *, size_t *))r->table[TEXTS_LENGTH])(value, bytes));
}

char *debut_ort_texts(debut_runtime *r, void *value, void *to, size_t bytes, size_t *offsets, size_t n) {
	return fails(r, ((status(*)(void *, void *, size_t, size_t *, size_t))r->table[TEXTS_CONTENT])(value, to, bytes, offsets, n));
}

void debut_ort_release_value(debut_runtime *r, void *value) { ((void (*)(void *))r->table[RELEASE_VALUE])(value); }

void debut_ort_release_session(debut_runtime *r, void *session) { ((void (*)(void *))r->table[RELEASE_SESSION])(session); }
