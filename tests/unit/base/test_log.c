/* The log's lines in a file: form, levels, rotation, whole lines from many threads. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"

static char folder[64];
static char path[80];
static struct buffer content;

static void start(void)
{
    strcpy(folder, "/tmp/sluice-log-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    log_init();
    cr_assert_eq(log_set_file(path), 0);
    buffer_init(&content, 1 << 24);
}

static void stop(void)
{
    log_set_file("");
    buffer_deinit(&content);
    char moved[96];
    snprintf(moved, sizeof moved, "%s.1", path);
    unlink(moved);
    unlink(path);
    rmdir(folder);
}

static const char *read_log(void)
{
    buffer_clear(&content);
    cr_assert_eq(file_read(path, &content), 0);
    return content.data;
}

TestSuite(log, .init = start, .fini = stop);

static bool fits(const char *text, const char *pattern)
{
    regex_t regex;
    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool result = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return result;
}

Test(log, line_has_the_form_of_redis)
{
    log_notice("hello %d", 5);
    const char *line = read_log();
    cr_assert(fits(line, "^[0-9]+:M [0-3][0-9] [A-Z][a-z]{2} 20[0-9]{2} "
                         "[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3} \\* hello 5\n$"),
              "%s", line);
    cr_assert_eq(atoi(line), getpid());
}

Test(log, date_is_the_local_one)
{
    time_t before = time(NULL);
    log_notice("now");
    const char *line = read_log();
    bool found = false;
    for (time_t second = before; second <= before + 2 && !found; second++) {
        char expected[64];
        struct tm local;
        strftime(expected, sizeof expected, ":M %d %b %Y %H:%M:%S.", localtime_r(&second, &local));
        found = strstr(line, expected);
    }
    cr_assert(found, "%s", line);
}

Test(log, zone_is_respected)
{
    setenv("TZ", "XYZ-11:30", 1);
    log_init();
    time_t now = time(NULL);
    log_notice("now");
    struct tm local;
    char expected[32];
    strftime(expected, sizeof expected, "%d %b %Y %H:", localtime_r(&now, &local));
    char next[32];
    now += 2;
    strftime(next, sizeof next, "%d %b %Y %H:", localtime_r(&now, &local));
    const char *line = read_log();
    cr_assert(strstr(line, expected) || strstr(line, next), "%s %s", line, expected);
}

Test(log, levels_and_marks)
{
    log_set_level(LOG_DEBUG_);
    log_debug("d");
    log_verbose("v");
    log_notice("n");
    log_warning("w");
    const char *lines = read_log();
    cr_assert(strstr(lines, " . d\n") && strstr(lines, " - v\n"), "%s", lines);
    cr_assert(strstr(lines, " * n\n") && strstr(lines, " # w\n"), "%s", lines);
    log_set_level(LOG_WARNING_);
    cr_assert_eq(log_get_level(), LOG_WARNING_);
    log_notice("dropped");
    log_raw(LOG_NOTICE_, "dropped too");
    log_set_level(LOG_NOTHING_);
    log_warning("dropped as well");
    cr_assert_null(strstr(read_log(), "dropped"));
}

Test(log, role_and_raw_text)
{
    log_set_role('S');
    log_notice("replica");
    log_raw(LOG_NOTICE_, "as it is\nno prefix");
    const char *lines = read_log();
    cr_assert(strstr(lines, ":S "), "%s", lines);
    cr_assert(strstr(lines, "replica\nas it is\nno prefix"), "%s", lines);
}

Test(log, long_lines_are_cut_and_ended)
{
    char text[10001];
    memset(text, 'y', 10000);
    text[10000] = '\0';
    log_notice("%s", text);
    log_notice("after");
    const char *lines = read_log();
    cr_assert(strstr(lines, "yyy\n"));
    cr_assert(strstr(lines, "after\n"));
    cr_assert_lt(strlen(lines), 5000);
    cr_assert_gt(strlen(lines), 4000);
}

Test(log, errno_survives)
{
    errno = ENOTTY;
    log_notice("x");
    cr_assert_eq(errno, ENOTTY);
}

Test(log, file_that_cannot_be_opened_changes_nothing)
{
    cr_assert_eq(log_set_file("/nonexistent/log"), -ENOENT);
    log_notice("still here");
    cr_assert(strstr(read_log(), "still here"));
}

Test(log, follows_a_file_that_moved)
{
    log_notice("first");
    char moved[96];
    snprintf(moved, sizeof moved, "%s.1", path);
    cr_assert_eq(rename(path, moved), 0);
    int64_t deadline = clock_read_us() + 5000000;
    while (access(path, F_OK) != 0 && clock_read_us() < deadline)
        log_notice("again");
    log_notice("last");
    cr_assert(strstr(read_log(), "last"));
    cr_assert_null(strstr(content.data, "first"));
}

Test(log, another_file_takes_over)
{
    char second[96];
    snprintf(second, sizeof second, "%s.1", path);
    log_notice("first");
    cr_assert_eq(log_set_file(second), 0);
    log_notice("second");
    cr_assert_null(strstr(read_log(), "second"));
    cr_assert(strstr(content.data, "first"));
    buffer_clear(&content);
    cr_assert_eq(file_read(second, &content), 0);
    cr_assert(strstr(content.data, "second"));
}

Test(log, limited_lines_are_counted)
{
    struct log_rate state = {0};
    int64_t start_us = clock_read_us();
    int calls = 0;
    /* Passes at least one change of second. */
    while (clock_read_us() - start_us < 1100000) {
        log_limited(&state, LOG_WARNING_, "storm %d", 1);
        calls++;
    }
    int64_t seconds_begun = clock_read_us() / 1000000 - start_us / 1000000 + 1;
    const char *lines = read_log();
    int written = 0;
    for (const char *c = lines; (c = strchr(c, '\n')) != NULL; c++)
        written++;
    cr_assert(written >= 2 && written <= seconds_begun, "%d of %d", written, calls);
    cr_assert(strstr(lines, "such lines left out)"), "%s", lines);
}

static void *write_lines(void *argument)
{
    for (int i = 0; i < 500; i++)
        log_notice("thread %c %0200d end", *(char *)argument, i);
    return NULL;
}

Test(log, lines_of_threads_do_not_mix)
{
    pthread_t threads[4];
    char names[] = "abcd";
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_lines, &names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    read_log();
    char *rest = content.data;
    char *line;
    int count = 0;
    while ((line = strsep(&rest, "\n")) != NULL && line[0]) {
        cr_assert(fits(line, "^[0-9]+:M .* \\* thread [abcd] [0-9]{200} end$"), "%s", line);
        count++;
    }
    cr_assert_eq(count, 2000);
}

Test(log, syslog_wants_a_known_facility)
{
    cr_assert_eq(log_set_syslog(true, "unit", "nowhere"), -EINVAL);
    cr_assert_eq(log_set_syslog(true, "unit", "LOCAL3"), 0);
    log_notice("to both");
    cr_assert(strstr(read_log(), "to both"));
    cr_assert_eq(log_set_syslog(false, NULL, NULL), 0);
}

Test(log, structured_lines)
{
    log_set_format(LOG_FORMAT_JSON);
    log_notice("a \"quoted\" \\ %s\x01", "line\nend");
    log_set_format(LOG_FORMAT_LOGFMT);
    log_warning("b \"%d\"", 7);
    log_raw(LOG_WARNING_, "one\n\ntwo\n");
    log_set_format(LOG_FORMAT_PLAIN);
    cr_assert(
        fits(read_log(),
             "^\\{\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z\",\"pid\":[0-9]+,"
             "\"role\":\"M\",\"level\":\"notice\","
             "\"msg\":\"a \\\\\"quoted\\\\\" \\\\\\\\ line\\\\u000aend\\\\u0001\"\\}\n"
             "time=[^ ]+Z pid=[0-9]+ role=M level=warning msg=\"b \\\\\"7\\\\\"\"\n"
             "time=[^ ]+ pid=[0-9]+ role=M level=warning msg=\"one\"\n"
             "time=[^ ]+ pid=[0-9]+ role=M level=warning msg=\"two\"\n$"),
        "%s", read_log());
}

Test(log, structured_lines_are_cut_at_a_whole_escape)
{
    char text[8000];
    memset(text, '"', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_set_format(LOG_FORMAT_JSON);
    log_notice("%s", text);
    log_set_format(LOG_FORMAT_PLAIN);
    const char *message = strstr(read_log(), "\"msg\":\"") + 7;
    size_t size = strlen(message);
    cr_assert_str_eq(message + size - 3, "\"}\n");
    cr_assert_eq((size - 3) % 2, 0, "%zu", size);
}
