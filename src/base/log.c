/* The log: one line a call, built on the caller's stack and written with a single write(2).
 *
 * [X] Settings that every thread reads at each line (level, role, outputs) are relaxed atomics: a
 * line written while one changes may follow either value. The log file keeps one descriptor number
 * for good; a new file is put under it with dup2, so no thread can write on a closed one. A file
 * that was moved away (rotation) is noticed within a second and opened anew.
 *
 * Time is computed without localtime, whose lock a forked child could inherit taken: the zone's
 * offset is refreshed once a minute, never in a child.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { LINE_SIZE_MAX = 4096, PREFIX_SIZE_MAX = 96, FILE_MODE = 0644 };
enum { ZONE_REFRESH_SECONDS = 60 };

static struct {
    int level;             /* atomic */
    int format;            /* atomic, enum log_format */
    int role;              /* atomic */
    bool is_stdout_wanted; /* atomic */
    bool has_syslog;       /* atomic */
    int fd;                /* atomic; -1 is standard output */
    int64_t zone_offset;   /* atomic, [s] */
    int64_t zone_minute;   /* atomic, when zone_offset was read */
    pthread_mutex_t mutex; /* of the three below */
    char *path;
    dev_t device;
    ino_t inode;
    char *syslog_identity; /* openlog keeps the pointer */
} logger = {
    .level = LOG_NOTICE_,
    .role = 'M',
    .is_stdout_wanted = true,
    .fd = -1,
    .zone_minute = -1,
    .mutex = PTHREAD_MUTEX_INITIALIZER,
};

#define GET(field)        __atomic_load_n(&logger.field, __ATOMIC_RELAXED)
#define SET(field, value) __atomic_store_n(&logger.field, (value), __ATOMIC_RELAXED)

static int64_t zone_offset(int64_t second)
{
    int64_t minute = second / ZONE_REFRESH_SECONDS;
    if (GET(zone_minute) != minute && GET(role) != 'C') {
        time_t now = (time_t)second;
        struct tm local;
        if (localtime_r(&now, &local))
            SET(zone_offset, local.tm_gmtoff);
        SET(zone_minute, minute);
    }
    return GET(zone_offset);
}

void log_init(void)
{
    tzset();
    SET(zone_minute, -1);
    zone_offset(clock_read_wall_us() / 1000000);
}

void log_set_level(enum log_level level)
{
    SET(level, (int)level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)GET(level);
}

void log_set_format(enum log_format format)
{
    SET(format, (int)format);
}

void log_set_role(char role)
{
    SET(role, role);
}

void log_set_stdout(bool enabled)
{
    SET(is_stdout_wanted, enabled);
}

/* -- the file -- */

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
    return fd < 0 ? -errno : fd;
}

/* Makes `fresh` the log's descriptor and remembers where it points. With the mutex. */
static void install_file(int fresh)
{
    struct stat facts;
    if (fstat(fresh, &facts) == 0) {
        logger.device = facts.st_dev;
        logger.inode = facts.st_ino;
    }
    int fd = GET(fd);
    if (fd < 0) {
        SET(fd, fresh);
        return;
    }
    dup3(fresh, fd, O_CLOEXEC);
    close(fresh);
}

static void use_stdout(void)
{
    int fd = GET(fd);
    SET(fd, -1);
    if (fd >= 0)
        close(fd);
    mem_free(logger.path);
    logger.path = NULL;
}

int log_set_file(const char *path)
{
    int fresh = -1;
    if (path[0]) {
        fresh = open_file(path);
        if (fresh < 0)
            return fresh;
    }
    pthread_mutex_lock(&logger.mutex);
    if (fresh < 0) {
        use_stdout();
    } else {
        install_file(fresh);
        mem_free(logger.path);
        logger.path = mem_strdup(path);
    }
    pthread_mutex_unlock(&logger.mutex);
    return 0;
}

int log_descriptor(void)
{
    int fd = GET(fd);
    if (fd >= 0)
        return fd;
    return GET(is_stdout_wanted) ? STDOUT_FILENO : -1;
}

/* Opens the file again when it is no longer at its path. Never waits: another thread may be at it.
 */
static void follow_rotation(void)
{
    if (pthread_mutex_trylock(&logger.mutex) != 0)
        return;
    struct stat facts;
    bool is_moved = logger.path && (stat(logger.path, &facts) != 0 ||
                                    facts.st_ino != logger.inode || facts.st_dev != logger.device);
    if (is_moved) {
        int fresh = open_file(logger.path);
        if (fresh >= 0)
            install_file(fresh);
    }
    pthread_mutex_unlock(&logger.mutex);
}

/* -- syslog -- */

static int facility_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } facilities[] = {{"user", LOG_USER},     {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},
                      {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
                      {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++)
        if (strcasecmp(facilities[i].name, name) == 0)
            return facilities[i].number;
    return -1;
}

int log_set_syslog(bool enabled, const char *identity, const char *facility)
{
    if (!enabled) {
        if (GET(has_syslog))
            closelog();
        SET(has_syslog, false);
        return 0;
    }
    int number = facility_number(facility);
    if (number < 0)
        return -EINVAL;
    char *old = logger.syslog_identity;
    logger.syslog_identity = mem_strdup(identity);
    openlog(logger.syslog_identity, LOG_PID | LOG_NDELAY | LOG_NOWAIT, number);
    mem_free(old);
    SET(has_syslog, true);
    return 0;
}

static int syslog_priority(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG_:
        return LOG_DEBUG;
    case LOG_VERBOSE_:
        return LOG_INFO;
    case LOG_NOTICE_:
        return LOG_NOTICE;
    case LOG_WARNING_:
    case LOG_NOTHING_:
        break;
    }
    return LOG_WARNING;
}

/* -- lines -- */

static void output(const char *line, size_t size)
{
    int fd = GET(fd);
    if (fd < 0) {
        if (!GET(is_stdout_wanted))
            return;
        fd = STDOUT_FILENO;
    } else {
        follow_rotation();
    }
    /* A log that cannot be written has nobody to tell. */
    while (write(fd, line, size) < 0 && errno == EINTR)
        continue;
}

/* Year, month and day of a number of days since 1970 (proleptic Gregorian; years counted from
 * March, so that the leap day is the last of its year). */
static void civil_date(int64_t days, int *year, int *month, int *day)
{
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * from_march + 2) / 5) + 1;
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(year_of_era + era * 400) + (*month <= 2);
}

static size_t format_prefix(char *line, enum log_level level, int64_t wall_us)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char marks[] = ".-*#";
    int64_t second = wall_us / 1000000;
    int64_t local = second + zone_offset(second);
    int year;
    int month;
    int day;
    civil_date(local / 86400, &year, &month, &day);
    int of_day = (int)(local % 86400);
    int size =
        snprintf(line, PREFIX_SIZE_MAX, "%d:%c %02d %.3s %04d %02d:%02d:%02d.%03d %c ",
                 (int)getpid(), (char)GET(role), day, months + (month - 1) * 3, year, of_day / 3600,
                 of_day / 60 % 60, of_day % 60, (int)(wall_us / 1000 % 1000), marks[level]);
    assert(size > 0 && size < PREFIX_SIZE_MAX);
    return (size_t)size;
}

/* Appends `text` with the escapes that JSON strings and quoted logfmt values share; bytes that are
 * not ASCII stay. Returns the new size; what does not fit is left out. */
static size_t append_escaped(char *line, size_t size, size_t room, const char *text,
                             size_t text_size)
{
    for (size_t i = 0; i < text_size && size + sizeof "\\u0000" < room; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            line[size++] = '\\';
            line[size++] = (char)c;
        } else if (c < ' ' || c == 0x7f) {
            size += (size_t)snprintf(line + size, room - size, "\\u%04x", c);
        } else {
            line[size++] = (char)c;
        }
    }
    return size;
}

/* The line in one of the structured formats, with its line end. Returns its size. */
static size_t format_structured(char *line, size_t room, enum log_level level, int64_t wall_us,
                                const char *text, size_t text_size)
{
    static const char *const names[] = {"debug", "verbose", "notice", "warning"};
    bool is_json = GET(format) == LOG_FORMAT_JSON;
    int64_t second = wall_us / 1000000;
    int of_day = (int)(second % 86400);
    int year;
    int month;
    int day;
    civil_date(second / 86400, &year, &month, &day);
    int written = snprintf(
        line, room,
        is_json ? "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"pid\":%d,\"role\":\"%c\","
                  "\"level\":\"%s\",\"msg\":\""
                : "time=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ pid=%d role=%c level=%s msg=\"",
        year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60,
        (int)(wall_us / 1000 % 1000), (int)getpid(), (char)GET(role), names[level]);
    assert(written > 0 && (size_t)written + sizeof "\"}\n" < room);
    size_t size = append_escaped(line, (size_t)written, room - sizeof "\"}\n", text, text_size);
    const char *end = is_json ? "\"}\n" : "\"\n";
    memcpy(line + size, end, strlen(end));
    return size + strlen(end);
}

static bool is_dropped(enum log_level level)
{
    assert(level >= LOG_DEBUG_ && level <= LOG_WARNING_);
    return (int)level < GET(level);
}

static __attribute__((format(printf, 3, 0))) void
write_line(enum log_level level, unsigned long dropped, const char *format, va_list args)
{
    char line[LINE_SIZE_MAX];
    int64_t wall_us = clock_read_wall_us();
    size_t prefix = format_prefix(line, level, wall_us);
    size_t room = sizeof line - prefix - 1; /* the line end */
    int written = vsnprintf(line + prefix, room, format, args);
    size_t size = written < 0 ? 0 : (size_t)written;
    if (size >= room)
        size = room - 1;
    if (dropped) {
        written =
            snprintf(line + prefix + size, room - size, " (%lu such lines left out)", dropped);
        if (written > 0 && (size_t)written < room - size)
            size += (size_t)written;
    }
    if (GET(has_syslog))
        syslog(syslog_priority(level), "%.*s", (int)size, line + prefix);
    if (GET(format) != LOG_FORMAT_PLAIN) {
        char structured[2 * LINE_SIZE_MAX];
        output(structured, format_structured(structured, sizeof structured, level, wall_us,
                                             line + prefix, size));
        return;
    }
    line[prefix + size] = '\n';
    output(line, prefix + size + 1);
}

void log_write(enum log_level level, const char *format, ...)
{
    if (is_dropped(level))
        return;
    int saved_errno = errno;
    va_list args;
    va_start(args, format);
    write_line(level, 0, format, args);
    va_end(args);
    errno = saved_errno;
}

/* Each line of `text` that is not empty as one of the log. */
static void output_structured_lines(enum log_level level, const char *text)
{
    char structured[2 * LINE_SIZE_MAX];
    for (size_t size = strcspn(text, "\n"); *text; size = strcspn(text, "\n")) {
        if (size > 0)
            output(structured, format_structured(structured, sizeof structured, level,
                                                 clock_read_wall_us(), text, size));
        text += size + (text[size] == '\n');
    }
}

void log_raw(enum log_level level, const char *text)
{
    if (is_dropped(level))
        return;
    int saved_errno = errno;
    if (GET(format) == LOG_FORMAT_PLAIN)
        output(text, strlen(text));
    else
        output_structured_lines(level, text);
    if (GET(has_syslog))
        syslog(syslog_priority(level), "%s", text);
    errno = saved_errno;
}

void log_limited(struct log_rate *state, enum log_level level, const char *format, ...)
{
    if (is_dropped(level))
        return;
    long long second = clock_read_us() / 1000000 + 1;
    /* Whoever moves the state to this second begins its count. */
    if (__atomic_exchange_n(&state->second, second, __ATOMIC_RELAXED) != second)
        __atomic_store_n(&state->count, 0, __ATOMIC_RELAXED);
    if (__atomic_fetch_add(&state->count, 1, __ATOMIC_RELAXED) >=
        (state->per_second ? state->per_second : 1)) {
        __atomic_fetch_add(&state->dropped, 1, __ATOMIC_RELAXED);
        return;
    }
    unsigned long dropped = __atomic_exchange_n(&state->dropped, 0, __ATOMIC_RELAXED);
    int saved_errno = errno;
    va_list args;
    va_start(args, format);
    write_line(level, dropped, format, args);
    va_end(args);
    errno = saved_errno;
}
