/* observability/metrics: INFO lines and what they become. */
#include "base/memory.h"
#include "observability/latency_histogram.h"
#include "observability/metrics.h"
#include <criterion/criterion.h>

static char *convert(const char *info)
{
    struct buffer out;
    buffer_init(&out, METRICS_SIZE_MAX);
    buffer_append_text(&out, "");
    metrics_write_info(bytes_of_text(info), &out);
    return buffer_take(&out);
}

static void expect(const char *info, const char *expected)
{
    char *got = convert(info);
    cr_assert_str_eq(got, expected, "got:\n%s", got);
    mem_free(got);
}

Test(metrics, numbers_words_and_what_is_left_out)
{
    expect(
        "# Server\r\nuptime_in_seconds:12\r\nused_memory_human:1.67M\r\nrole:master\r\n"
        "executable:\r\nallocator_frag_ratio:1.50\r\nused_memory_peak_perc:99.5%\r\nno colon\r\n",
        "# TYPE redis_allocator_frag_ratio gauge\nredis_allocator_frag_ratio 1.50\n"
        "# TYPE redis_text gauge\nredis_text{field=\"role\",value=\"master\"} 1\n"
        "# TYPE redis_uptime_in_seconds gauge\nredis_uptime_in_seconds 12\n"
        "# TYPE redis_used_memory_peak_perc gauge\nredis_used_memory_peak_perc 99.5\n");
}

Test(metrics, samples_of_one_name_stand_together)
{
    expect("cmdstat_get:calls=1,usec=2,usec_per_call=2.00\r\n"
           "cmdstat_config|get:calls=3,usec=4,usec_per_call=1.33\r\n"
           "db0:keys=5,expires=0\r\ndb11:keys=6,expires=1\r\n",
           "# TYPE redis_command_calls_total counter\n"
           "redis_command_calls_total{cmd=\"get\"} 1\n"
           "redis_command_calls_total{cmd=\"config|get\"} 3\n"
           "# TYPE redis_command_usec_per_call gauge\n"
           "redis_command_usec_per_call{cmd=\"get\"} 2.00\n"
           "redis_command_usec_per_call{cmd=\"config|get\"} 1.33\n"
           "# TYPE redis_command_usec_total counter\n"
           "redis_command_usec_total{cmd=\"get\"} 2\n"
           "redis_command_usec_total{cmd=\"config|get\"} 4\n"
           "# TYPE redis_db_expires gauge\n"
           "redis_db_expires{db=\"0\"} 0\nredis_db_expires{db=\"11\"} 1\n"
           "# TYPE redis_db_keys gauge\nredis_db_keys{db=\"0\"} 5\nredis_db_keys{db=\"11\"} 6\n");
}

Test(metrics, labels_are_escaped_and_cut)
{
    expect("path:a\"b\\c\x01\xff\n", "# TYPE redis_text gauge\n"
                                     "redis_text{field=\"path\",value=\"a\\\"b\\\\c??\"} 1\n");
    char line[2000] = "long:";
    memset(line + 5, '\\', sizeof line - 6);
    char *got = convert(line);
    cr_assert(strlen(got) < 700);
    cr_assert_str_eq(got + strlen(got) - 5, "\"} 1\n");
    /* The value holds whole escapes only. */
    const char *value = strstr(got, "value=\"") + 7;
    cr_assert_eq((strlen(value) - 5) % 2, 0);
    mem_free(got);
}

Test(metrics, counters_are_named_total_once)
{
    expect("total_commands_processed:7\nkeyspace_hits:8\ninstantaneous_ops_per_sec:9\n",
           "# TYPE redis_instantaneous_ops_per_sec gauge\nredis_instantaneous_ops_per_sec 9\n"
           "# TYPE redis_keyspace_hits_total counter\nredis_keyspace_hits_total 8\n"
           "# TYPE redis_total_commands_processed counter\nredis_total_commands_processed 7\n");
}

Test(metrics, what_can_fall_is_a_gauge)
{
    expect("total_system_memory:1\ntotal_watched_keys:2\ntracking_total_keys:3\n",
           "# TYPE redis_total_system_memory gauge\nredis_total_system_memory 1\n"
           "# TYPE redis_total_watched_keys gauge\nredis_total_watched_keys 2\n"
           "# TYPE redis_tracking_total_keys gauge\nredis_tracking_total_keys 3\n");
}

Test(metrics, what_nobody_listed_is_untyped_and_codes_are_words)
{
    expect("nosuch_total:1\nmaster_replid2:000\nused_memory_vm_total:2\n",
           "# TYPE redis_nosuch_total untyped\nredis_nosuch_total 1\n"
           "# TYPE redis_text gauge\nredis_text{field=\"master_replid2\",value=\"000\"} 1\n"
           "# TYPE redis_used_memory_vm_total gauge\nredis_used_memory_vm_total 2\n");
}

Test(metrics, distributions_have_a_label_for_the_size)
{
    expect("db0_distrib_lists_items:2=1,1K=3,=x\ndb3_distrib_lists_items:4=5\n",
           "# TYPE redis_keysizes gauge\n"
           "redis_keysizes{db=\"0\",of=\"lists_items\",from=\"2\"} 1\n"
           "redis_keysizes{db=\"0\",of=\"lists_items\",from=\"1K\"} 3\n"
           "redis_keysizes{db=\"3\",of=\"lists_items\",from=\"4\"} 5\n");
}

Test(metrics, nothing_and_garbage)
{
    expect("", "");
    expect(":\n::\n=\ncmdstat_:calls=1\ncmdstat_x:\ndb0:\nx:nan\ny:1e\n",
           "# TYPE redis_text gauge\nredis_text{field=\"\",value=\":\"} 1\n"
           "redis_text{field=\"cmdstat_\",value=\"calls=1\"} 1\n"
           "redis_text{field=\"x\",value=\"nan\"} 1\nredis_text{field=\"y\",value=\"1e\"} 1\n");
}

static struct info_command command = {.name = "get", .calls = 3, .usec = 1503};

static void each_command(void *context, void (*visit)(void *, const struct info_command *),
                         void *visitor)
{
    (void)context;
    visit(visitor, &(struct info_command){.name = "never"});
    visit(visitor, &command);
}

Test(metrics, latency_is_a_cumulative_histogram)
{
    uint32_t *histogram = NULL;
    latency_histogram_record(&histogram, 900);
    latency_histogram_record(&histogram, 3000);
    latency_histogram_record(&histogram, 999000000);
    command.histogram = histogram;
    struct buffer out;
    buffer_init(&out, METRICS_SIZE_MAX);
    metrics_write_latency(&(struct info_sources){.each_command = each_command}, &out);
    cr_assert_not_null(strstr(out.data, "# TYPE redis_command_duration_seconds histogram\n"));
    cr_assert_not_null(strstr(out.data, "_bucket{cmd=\"get\",le=\"1e-06\"} 1\n"), "%s", out.data);
    cr_assert_not_null(strstr(out.data, "_bucket{cmd=\"get\",le=\"4e-06\"} 2\n"));
    cr_assert_not_null(strstr(out.data, "_bucket{cmd=\"get\",le=\"+Inf\"} 3\n"));
    cr_assert_not_null(strstr(out.data, "_sum{cmd=\"get\"} 0.001503\n"));
    cr_assert_not_null(strstr(out.data, "_count{cmd=\"get\"} 3\n"));
    cr_assert_null(strstr(out.data, "never"));
    buffer_deinit(&out);
    latency_histogram_free(&histogram);
}
