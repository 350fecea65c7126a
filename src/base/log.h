/* The log. One line a call, formatted in a per-thread buffer and written with a single write(2), so
 * lines of different threads never mix. Format as Redis: "pid:role dd Mon yyyy hh:mm:ss.mmm c
 * text", with . - * # for debug, verbose, notice, warning. Any thread after log_init.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG_, LOG_VERBOSE_, LOG_NOTICE_, LOG_WARNING_, LOG_NOTHING_ };

/* How lines look: as Redis writes them; key=value pairs (https://brandur.org/logfmt); one JSON
 * object (RFC 8259) a line. The last two name the time in UTC (RFC 3339), pid, role, level and msg.
 */
enum log_format { LOG_FORMAT_PLAIN, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* Standard output at level notice until configured. Main thread, first. */
void log_init(void);
/* Lines below `level` are dropped. Any thread (relaxed). */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* Any thread (relaxed). */
void log_set_format(enum log_format format);
/* Appends to `path` from now on ("" is standard output). 0, or -errno with nothing changed. Main.
 */
int log_set_file(const char *path);
/* Also to syslog with this identity and facility name ("local0"); enabled false stops it. Main. */
int log_set_syslog(bool enabled, const char *identity, const char *facility);
/* The role letter of the lines: 'M' master, 'S' replica, 'C' child, 'X' sentinel. */
void log_set_role(char role);
/* When false nothing is written on standard output (after daemonize). */
void log_set_stdout(bool enabled);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text exactly as given, without prefix (banner, crash report). */
void log_raw(enum log_level level, const char *text);
/* Where lines go at present, for a crash report's own writes: the file, standard output, or -1. Any
 * thread, async-signal-safe. */
int log_descriptor(void);
/* At most state->per_second lines a second for the call site's `state` (a static struct), counting
 * the rest. */
struct log_rate {
    long long second;
    unsigned long dropped;
    unsigned long count;      /* lines in this second */
    unsigned long per_second; /* lines allowed in one; 0 is 1 */
};
void log_limited(struct log_rate *state, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...)   log_write(LOG_DEBUG_, __VA_ARGS__)
#define log_verbose(...) log_write(LOG_VERBOSE_, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE_, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING_, __VA_ARGS__)

#endif
