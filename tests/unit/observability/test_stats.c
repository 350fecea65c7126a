/* Errors by code with their bound, and metrics over time. */
#include "observability/stats.h"

#include "base/log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct stats stats;

static void start(void)
{
    stats_init(&stats);
}

static void stop(void)
{
    stats_deinit(&stats);
}

TestSuite(stats, .init = start, .fini = stop);

static uint64_t count_of(const char *code)
{
    for (uint32_t i = 0; i < stats.error_count; i++)
        if (strcmp(stats.errors[i].code, code) == 0)
            return stats.errors[i].count;
    return 0;
}

Test(stats, errors_are_counted_by_code)
{
    stats_error(&stats, BYTES_LITERAL("WRONGTYPE"));
    stats_error(&stats, BYTES_LITERAL("ERR"));
    stats_error(&stats, BYTES_LITERAL("NOAUTH"));
    stats_error(&stats, BYTES_LITERAL("ERR"));
    cr_assert_eq(stats.error_replies, 4);
    cr_assert_eq(stats.error_count, 3);
    cr_assert_eq(count_of("ERR"), 2);
    cr_assert_eq(count_of("WRONGTYPE"), 1);
    cr_assert_str_eq(stats.errors[0].code, "ERR", "sorted");
    cr_assert_str_eq(stats.errors[2].code, "WRONGTYPE");
}

Test(stats, a_long_code_is_cut)
{
    stats_error(&stats, BYTES_LITERAL("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    cr_assert_eq(count_of("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE"), 1);
}

static void make_errors(int count)
{
    for (int i = 0; i < count; i++) {
        char code[16];
        snprintf(code, sizeof code, "E%d", (i * 37) % 1000);
        stats_error(&stats, bytes_of_text(code));
    }
}

Test(stats, too_many_codes_switch_them_off)
{
    char path[] = "/tmp/sluice-stats-XXXXXX";
    int fd = mkstemp(path);
    log_init();
    cr_assert_eq(log_set_file(path), 0);
    make_errors(STATS_ERRORS_MAX);
    cr_assert_eq(stats.error_count, STATS_ERRORS_MAX);
    make_errors(1000);
    cr_assert_eq(stats.error_count, 1);
    cr_assert_eq(count_of("ERRORSTATS_DISABLED"), 1);
    cr_assert_eq(stats.error_replies, STATS_ERRORS_MAX + 1000);

    char text[16384] = "";
    cr_assert_gt(pread(fd, text, sizeof text - 1, 0), 0);
    char *line = strstr(text, "Errorstats stopped adding new errors because the number of errors "
                              "reached the limit");
    cr_assert_not_null(line);
    cr_assert_null(strstr(line + 1, "Errorstats stopped"), "said once");
    cr_assert_not_null(strstr(text, "Current errors code list"));
    close(fd);
    unlink(path);

    stats_reset(&stats);
    stats_error(&stats, BYTES_LITERAL("ERR"));
    cr_assert_eq(stats.error_count, 1);
    cr_assert_eq(count_of("ERR"), 1);
}

Test(stats, rates_are_averages_of_samples)
{
    int64_t now_us = 5000000;
    for (int i = 0; i <= STATS_SAMPLES; i++) {
        stats_cron(&stats, now_us, (uint64_t)i * 102400, (uint64_t)i * 204800);
        stats.commands_processed += 50;
        stats.loop_cycles += 10;
        stats.loop_duration_us += 300;
        now_us += 100000;
    }
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_COMMANDS), 500);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_NET_INPUT), 1024000);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_NET_OUTPUT), 2048000);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_LOOP_CYCLES), 100);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_LOOP_DURATION), 30);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_REPL_INPUT), 0);
}

Test(stats, a_reset_makes_no_spike)
{
    int64_t now_us = 5000000;
    stats.commands_processed = 1000000;
    stats_cron(&stats, now_us, 1ull << 40, 0);
    stats_reset(&stats);
    cr_assert_eq(stats.commands_processed, 0);
    now_us += 100000;
    stats.commands_processed = 16;
    stats_cron(&stats, now_us, (1ull << 40) + 1600, 0);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_COMMANDS), 10);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_NET_INPUT), 1000);
}

Test(stats, an_idle_server_comes_to_rest)
{
    int64_t now_us = 1000000;
    stats.commands_processed = 100;
    stats_cron(&stats, now_us, 0, 0);
    stats.commands_processed = 200;
    for (int i = 0; i < STATS_SAMPLES + 1; i++)
        stats_cron(&stats, now_us += 100000, 0, 0);
    cr_assert_eq(stats_instantaneous(&stats, STATS_METRIC_COMMANDS), 0);
}
