// A control group that is watched: its limit in bytes, and files that stay open.
struct watch_group {
	long long limit;
	int usage, stat;
};

struct watch;

// watch_start begins to watch. It takes the files over. Less memory than collect or cancel bytes left is told by an event, 'c' or 'e';
// less than end ends the process with 1, and the message.
struct watch *watch_start(struct watch_group *groups, int count, long long collect, long long cancel, long long end, int events);
void watch_message(struct watch *w, const char *message);
void watch_stop(struct watch *w);
