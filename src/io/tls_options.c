/* Rows of the TLS directives, with Redis's names, defaults and error texts. */
#include "io/tls_options.h"

#include "base/assert.h"
#include <limits.h>
#include <stddef.h>
#include <string.h>

const char tls_apply_error[] = "Unable to update TLS configuration. Check server logs.";

static const struct option_name auth_clients_names[] = {
    {"no", TLS_AUTH_CLIENTS_NO},
    {"yes", TLS_AUTH_CLIENTS_YES},
    {"optional", TLS_AUTH_CLIENTS_OPTIONAL},
    {NULL, 0},
};

static const struct option_name auth_user_names[] = {
    {"off", TLS_AUTH_USER_OFF},
    {"cn", TLS_AUTH_USER_CN},
    {"uri", TLS_AUTH_USER_URI},
    {NULL, 0},
};

static int check_protocols(const void *settings_pointer, struct buffer *error)
{
    static const char *const known[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    const struct tls_settings *settings = settings_pointer;
    const char *at = settings->protocols ? settings->protocols : "";
    while (*at) {
        size_t size = strcspn(at, " ");
        bool is_known = size == 0;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !is_known; i++)
            is_known = bytes_is(bytes_of(at, size), known[i]);
        if (!is_known) {
            (void)buffer_append_text(error, "Invalid tls-protocols specified. Use a combination of "
                                            "'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.");
            return -1;
        }
        at += size + strspn(at + size, " ");
    }
    return 0;
}

static int check_expected_peer_name(const void *settings_pointer, struct buffer *error)
{
    const struct tls_settings *settings = settings_pointer;
    const char *names = settings->expected_peer_name;
    if (!names || !*names)
        return 0;
    if (names[strcspn(names, "\t\n\v\f\r")]) {
        (void)buffer_append_text(error,
                                 "tls-expected-peer-name must not contain whitespace other than "
                                 "spaces separating names; use an empty string to disable it");
        return -1;
    }
    if (names[strspn(names, " ")])
        return 0;
    (void)buffer_append_text(error, "tls-expected-peer-name contains no usable name; use an empty "
                                    "string to disable it");
    return -1;
}

#define FIELD(field) offsetof(struct tls_settings, field)
#define TLS_STRING(name_, field, flags_)                                                           \
    {                                                                                              \
        .name = (name_), .kind = OPTION_STRING, .flags = (flags_), .offset = FIELD(field)          \
    }
#define TLS_BOOL(name_, field, default_)                                                           \
    {                                                                                              \
        .name = (name_), .kind = OPTION_BOOL, .offset = FIELD(field), .default_text = (default_)   \
    }
#define TLS_INT(name_, field, default_, minimum_, maximum_)                                        \
    {                                                                                              \
        .name = (name_), .kind = OPTION_INT, .offset = FIELD(field), .default_text = (default_),   \
        .minimum = (minimum_), .maximum = (maximum_)                                               \
    }
#define TLS_ENUM(name_, field, default_, names_)                                                   \
    {                                                                                              \
        .name = (name_), .kind = OPTION_ENUM, .offset = FIELD(field), .default_text = (default_),  \
        .names = (names_)                                                                          \
    }

static const struct option options[] = {
    TLS_INT("tls-port", port, "0", 0, 65535),
    TLS_STRING("tls-cert-file", cert_file, OPTION_VOLATILE),
    TLS_STRING("tls-key-file", key_file, OPTION_VOLATILE),
    TLS_STRING("tls-key-file-pass", key_file_pass, OPTION_SENSITIVE),
    TLS_STRING("tls-client-cert-file", client_cert_file, OPTION_VOLATILE),
    TLS_STRING("tls-client-key-file", client_key_file, OPTION_VOLATILE),
    TLS_STRING("tls-client-key-file-pass", client_key_file_pass, OPTION_SENSITIVE),
    TLS_STRING("tls-dh-params-file", dh_params_file, OPTION_VOLATILE),
    TLS_STRING("tls-ca-cert-file", ca_cert_file, OPTION_VOLATILE),
    TLS_STRING("tls-ca-cert-dir", ca_cert_dir, OPTION_VOLATILE),
    TLS_STRING("tls-crl-file", crl_file, OPTION_VOLATILE),
    TLS_ENUM("tls-auth-clients", auth_clients, "yes", auth_clients_names),
    TLS_ENUM("tls-auth-clients-user", auth_clients_user, "off", auth_user_names),
    TLS_BOOL("tls-replication", replication, "no"),
    TLS_BOOL("tls-cluster", cluster, "no"),
    {.name = "tls-protocols",
     .kind = OPTION_STRING,
     .offset = FIELD(protocols),
     .check = check_protocols},
    TLS_STRING("tls-ciphers", ciphers, 0),
    TLS_STRING("tls-ciphersuites", ciphersuites, 0),
    TLS_STRING("tls-groups", groups, 0),
    TLS_BOOL("tls-prefer-server-ciphers", prefer_server_ciphers, "no"),
    TLS_BOOL("tls-session-caching", session_caching, "yes"),
    TLS_INT("tls-session-cache-size", session_cache_size, "20480", 0, INT_MAX),
    TLS_INT("tls-session-cache-timeout", session_cache_timeout, "300", 0, INT_MAX),
    TLS_BOOL("tls-session-tickets", session_tickets, "yes"),
    TLS_INT("tls-ticket-key-rotation", ticket_key_rotation, "3600", 1, INT_MAX),
    TLS_STRING("tls-keylog-file", keylog_file, 0),
    {.name = "tls-expected-peer-name",
     .kind = OPTION_STRING,
     .offset = FIELD(expected_peer_name),
     .check = check_expected_peer_name},
    TLS_INT("tls-auto-reload-interval", auto_reload_interval, "0", 0, INT_MAX),
    {.name = "tls-file-timeout",
     .kind = OPTION_INT,
     .flags = OPTION_HIDDEN,
     .offset = FIELD(file_timeout),
     .default_text = "10000",
     .minimum = 1,
     .maximum = INT_MAX},
    TLS_INT("tls-handshake-timeout", handshake_timeout, "10000", 0, INT_MAX),
    TLS_INT("tls-handshakes-max-per-thread", handshakes_max_per_thread, "256", 1, 1000000),
    TLS_INT("max-new-tls-connections-per-cycle", max_new_connections_per_cycle, "64", 1, 1000),
};

const struct option_group tls_option_group = {
    .name = "tls",
    .options = options,
    .count = sizeof(options) / sizeof(options[0]),
};

/* A directive that no context is built from. */
static bool is_limit(const struct option *option)
{
    static const char *const limits[] = {
        "tls-auth-clients-user",
        "tls-ticket-key-rotation",
        "tls-expected-peer-name",
        "tls-auto-reload-interval",
        "tls-file-timeout",
        "tls-handshake-timeout",
        "tls-handshakes-max-per-thread",
        "max-new-tls-connections-per-cycle",
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (strcmp(option->name, limits[i]) == 0)
            return true;
    return false;
}

bool tls_options_need_contexts(const struct option_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        if (changes->bits[i / 64] >> (i % 64) & 1 && !is_limit(&changes->options[i]))
            return true;
    return false;
}

static bool is_same(const struct option *option, const struct tls_settings *a,
                    const struct tls_settings *b)
{
    const void *left = (const char *)a + option->offset;
    const void *right = (const char *)b + option->offset;
    if (option->kind == OPTION_BOOL)
        return *(const bool *)left == *(const bool *)right;
    if (option->kind == OPTION_INT)
        return *(const int64_t *)left == *(const int64_t *)right;
    if (option->kind == OPTION_ENUM)
        return *(const int *)left == *(const int *)right;
    assert(option->kind == OPTION_STRING);
    const char *text = *(char *const *)left;
    const char *other = *(char *const *)right;
    return strcmp(text ? text : "", other ? other : "") == 0;
}

bool tls_options_give_same_contexts(const struct tls_settings *a, const struct tls_settings *b)
{
    for (size_t i = 0; i < tls_option_group.count; i++)
        if (!is_limit(&options[i]) && !is_same(&options[i], a, b))
            return false;
    return true;
}
