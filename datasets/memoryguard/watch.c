#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

// A watch is a thread of its own, which neither Go's scheduler nor its collector holds up, and which takes no memory while it runs.
struct watch {
	struct watch_group *groups;
	int count;
	long long collect, cancel, end; // bytes left
	int events;
	volatile int stopped;
	pthread_mutex_t lock;
	char *message;
};

// number reads a file of one number.
static long long number(int file) {
	char text[32];
	ssize_t n = pread(file, text, sizeof text - 1, 0);
	if (n <= 0) return -1;
	text[n] = 0;
	return strtoll(text, NULL, 10);
}

// of returns the number behind a key at the beginning of a line, or -1.
static long long of(const char *text, const char *key) {
	const char *at = text;
	size_t n = strlen(key);
	while (at != NULL) {
		if (strncmp(at, key, n) == 0 && at[n] == ' ') return strtoll(at + n, NULL, 10);
		at = strchr(at, '\n');
		if (at != NULL) at++;
	}
	return -1;
}

// cache returns the bytes of files, which give way. Version 1 tells of the group with those in it by total_.
static long long cache(int file) {
	static __thread char text[16384];
	ssize_t n = pread(file, text, sizeof text - 1, 0);
	if (n <= 0) return 0;
	text[n] = 0;
	long long inactive = of(text, "total_inactive_file"), active = of(text, "total_active_file");
	if (inactive < 0) inactive = of(text, "inactive_file");
	if (active < 0) active = of(text, "active_file");
	return (inactive > 0 ? inactive : 0) + (active > 0 ? active : 0);
}

static void *run(void *of) {
	struct watch *w = of;
	char told = 0;
	while (!w->stopped) {
		long long left = w->groups[0].limit;
		for (int i = 0; i < w->count; i++) {
			struct watch_group *g = &w->groups[i];
			long long used = number(g->usage);
			if (used < 0) continue;
			long long here = g->limit - used;
			// What files take is looked at only where it matters.
			if (here < w->collect * 2) here += cache(g->stat);
			if (here < left) left = here;
		}
		if (left < w->end) {
			pthread_mutex_lock(&w->lock);
			if (w->message != NULL && write(2, w->message, strlen(w->message)) < 0) _exit(1);
			_exit(1);
		}
		char event = left < w->cancel ? 'e' : left < w->collect ? 'c' : 0;
		if (event != 0 && told != 'e') {
			if (write(w->events, &event, 1) == 1) told = event;
		}
		// At 8 GB/s nothing is missed.
		long long wait = left > w->collect ? (left - w->collect) / 8 : 0;
		if (wait < 500 * 1000) wait = 500 * 1000;
		if (wait > 20 * 1000 * 1000) wait = 20 * 1000 * 1000;
		struct timespec t = {0, wait};
		nanosleep(&t, NULL);
	}
	for (int i = 0; i < w->count; i++) {
		close(w->groups[i].usage);
		close(w->groups[i].stat);
	}
	close(w->events);
	pthread_mutex_destroy(&w->lock);
	free(w->message);
	free(w->groups);
	free(w);
	return NULL;
}

struct watch *watch_start(struct watch_group *groups, int count, long long collect, long long cancel, long long end, int events) {
	struct watch *w = calloc(1, sizeof *w);
	struct watch_group *own = calloc(count, sizeof *own);
	pthread_attr_t attributes;
	pthread_t thread;
	if (w == NULL || own == NULL) goto none;
	memcpy(own, groups, count * sizeof *own);
	w->groups = own, w->count = count, w->collect = collect, w->cancel = cancel, w->end = end, w->events = events;
	pthread_mutex_init(&w->lock, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 << 10);
	int failed = pthread_create(&thread, &attributes, run, w);
	pthread_attr_destroy(&attributes);
	if (failed == 0) return w;
none:
	free(w);
	free(own);
	return NULL;
}

void watch_message(struct watch *w, const char *message) {
	char *copy = strdup(message);
	pthread_mutex_lock(&w->lock);
	char *before = w->message;
	w->message = copy;
	pthread_mutex_unlock(&w->lock);
	free(before);
}

void watch_stop(struct watch *w) { w->stopped = 1; }
