/* observability/metrics_types: the lists can be searched, and hold what they should. */
#include "observability/metrics_types.h"
#include <criterion/criterion.h>
#include <string.h>

static enum metric_type type_of(const char *family, const char *field)
{
    return metric_type_of(bytes_of_text(family), bytes_of_text(field));
}

Test(metrics_types, lists_are_sorted)
{
    cr_assert(metric_types_check());
}

Test(metrics_types, first_last_and_none_of_each_list)
{
    cr_assert_eq(type_of("", "acl_access_denied_auth"), METRIC_COUNTER);
    cr_assert_eq(type_of("", "used_cpu_user_main_thread"), METRIC_COUNTER);
    cr_assert_eq(type_of("", "active_defrag_running"), METRIC_GAUGE);
    cr_assert_eq(type_of("", "watching_clients"), METRIC_GAUGE);
    cr_assert_eq(type_of("", "config_file"), METRIC_TEXT);
    cr_assert_eq(type_of("", "tls_server_cert_serial"), METRIC_TEXT);
    cr_assert_eq(type_of("", "nosuch"), METRIC_UNKNOWN);
    cr_assert_eq(type_of("", ""), METRIC_UNKNOWN);
}

Test(metrics_types, fields_of_families_are_apart)
{
    cr_assert_eq(type_of("command", "calls"), METRIC_COUNTER);
    cr_assert_eq(type_of("command", "usec_per_call"), METRIC_GAUGE);
    cr_assert_eq(type_of("io_thread", "reads"), METRIC_COUNTER);
    cr_assert_eq(type_of("", "calls"), METRIC_UNKNOWN);
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    cr_assert_eq(type_of("", longest), METRIC_UNKNOWN);
}

Test(metrics_types, fields_with_a_number_for_each_thread)
{
    cr_assert_eq(type_of("", "used_active_time_io_thread_1"), METRIC_COUNTER);
    cr_assert_eq(type_of("", "used_active_time_io_thread_128"), METRIC_COUNTER);
    cr_assert_eq(type_of("", "used_active_time_io_thread_x"), METRIC_UNKNOWN);
    cr_assert_eq(type_of("", "master_replid2"), METRIC_TEXT, "digits that belong to the name");
    cr_assert_eq(type_of("", "_1"), METRIC_UNKNOWN);
    cr_assert_eq(type_of("", "12"), METRIC_UNKNOWN);
}
