/* The table of TLS directives: names, defaults, checks. */
#include "base/memory.h"
#include "io/tls_options.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(tls_options, .init = mem_init);

static const struct option *row(const char *name)
{
    for (size_t i = 0; i < tls_option_group.count; i++)
        if (strcmp(tls_option_group.options[i].name, name) == 0)
            return &tls_option_group.options[i];
    cr_assert_fail("no option %s", name);
    return NULL;
}

Test(tls_options, defaults)
{
    static const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"tls-port", "0"},
        {"tls-cert-file", NULL},
        {"tls-auth-clients", "yes"},
        {"tls-auth-clients-user", "off"},
        {"tls-replication", "no"},
        {"tls-cluster", "no"},
        {"tls-protocols", NULL},
        {"tls-prefer-server-ciphers", "no"},
        {"tls-session-caching", "yes"},
        {"tls-session-cache-size", "20480"},
        {"tls-session-cache-timeout", "300"},
        {"tls-session-tickets", "yes"},
        {"tls-ticket-key-rotation", "3600"},
        {"tls-auto-reload-interval", "0"},
        {"tls-file-timeout", "10000"},
        {"tls-handshake-timeout", "10000"},
        {"tls-handshakes-max-per-thread", "256"},
        {"max-new-tls-connections-per-cycle", "64"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *value = row(rows[i].name)->default_text;
        if (rows[i].value)
            cr_assert_str_eq(value, rows[i].value, "%s", rows[i].name);
        else
            cr_assert_null(value);
    }
    cr_assert_eq(tls_option_group.count, 32);
}

Test(tls_options, flags)
{
    cr_assert(row("tls-key-file-pass")->flags & OPTION_SENSITIVE);
    cr_assert(row("tls-client-key-file-pass")->flags & OPTION_SENSITIVE);
    static const char *const reread[] = {
        "tls-cert-file",      "tls-key-file",     "tls-client-cert-file", "tls-client-key-file",
        "tls-dh-params-file", "tls-ca-cert-file", "tls-ca-cert-dir",      "tls-crl-file"};
    for (size_t i = 0; i < sizeof(reread) / sizeof(reread[0]); i++)
        cr_assert(row(reread[i])->flags & OPTION_VOLATILE, "%s", reread[i]);
    for (size_t i = 0; i < tls_option_group.count; i++)
        cr_assert_not(tls_option_group.options[i].flags & OPTION_IMMUTABLE);
}

/* Distinct fields: a row that names a neighbour's field would be found here. */
Test(tls_options, every_row_has_a_field_of_its_own)
{
    for (size_t i = 0; i < tls_option_group.count; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(tls_option_group.options[i].offset, tls_option_group.options[j].offset);
}

static void check(const char *name, const struct tls_settings *settings, const char *expected)
{
    struct buffer error;
    buffer_init(&error, 1024);
    int result = row(name)->check(settings, &error);
    cr_assert_eq(result, expected ? -1 : 0);
    if (expected)
        cr_assert_str_eq(error.data, expected);
    buffer_deinit(&error);
}

Test(tls_options, protocols)
{
    static const char refused[] = "Invalid tls-protocols specified. Use a combination of 'TLSv1', "
                                  "'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.";
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {{NULL, NULL},          {"", NULL},
                {"TLSv1.2", NULL},     {"tlsv1.3 TLSV1.2", NULL},
                {"TLSv1.4", refused},  {"TLSv1.2,TLSv1.3", refused},
                {"TLSv1.2 x", refused}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check("tls-protocols", &(struct tls_settings){.protocols = (char *)rows[i].text},
              rows[i].expected);
}

Test(tls_options, expected_peer_name)
{
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {NULL, NULL},
        {"node", NULL},
        {"node other", NULL},
        {"  ", "tls-expected-peer-name contains no usable name; use an empty string to disable it"},
        {"a\tb", "tls-expected-peer-name must not contain whitespace other than spaces separating "
                 "names; use an empty string to disable it"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check("tls-expected-peer-name",
              &(struct tls_settings){.expected_peer_name = (char *)rows[i].text}, rows[i].expected);
}

static bool needs(const char *name)
{
    struct option_changes changes = {.options = tls_option_group.options,
                                     .count = tls_option_group.count};
    size_t index = (size_t)(row(name) - tls_option_group.options);
    changes.bits[index / 64] |= (uint64_t)1 << (index % 64);
    return tls_options_need_contexts(&changes);
}

Test(tls_options, only_some_need_new_contexts)
{
    cr_assert(needs("tls-cert-file"));
    cr_assert(needs("tls-auth-clients"));
    cr_assert(needs("tls-session-tickets"));
    cr_assert_not(needs("tls-handshake-timeout"));
    cr_assert_not(needs("tls-ticket-key-rotation"));
    cr_assert_not(needs("tls-auth-clients-user"));
}

Test(tls_options, contexts_are_the_same_unless_what_they_are_built_from_differs)
{
    struct tls_settings a = {.cert_file = (char[]){"a.crt"}, .session_cache_size = 5};
    struct tls_settings b = {.cert_file = (char[]){"a.crt"}, .session_cache_size = 5};
    cr_assert(tls_options_give_same_contexts(&a, &b));
    b.handshake_timeout = 9;
    b.ciphers = (char[]){""};
    cr_assert(tls_options_give_same_contexts(&a, &b));
    b.ciphers = (char[]){"HIGH"};
    cr_assert_not(tls_options_give_same_contexts(&a, &b));
    b = a;
    b.cert_file = (char[]){"b.crt"};
    cr_assert_not(tls_options_give_same_contexts(&a, &b));
    b = a;
    b.session_cache_size = 6;
    cr_assert_not(tls_options_give_same_contexts(&a, &b));
    b = a;
    b.session_tickets = true;
    cr_assert_not(tls_options_give_same_contexts(&a, &b));
    b = a;
    b.auth_clients = TLS_AUTH_CLIENTS_OPTIONAL;
    cr_assert_not(tls_options_give_same_contexts(&a, &b));
}
