/* Server URIs of the command-line tools. It stands in this folder, and includes the source, because
 * tools are linked into programs only. */
#include "tools/common/uri.c"

#include <criterion/criterion.h>

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

/* "scheme user password host port db path" */
static void expect_uri(const char *text, const char *expected)
{
    struct uri uri;
    char error[128] = "";
    char found[512];
    if (uri_parse(text, &uri, error, sizeof(error)) != 0) {
        snprintf(found, sizeof(found), "!%s", error);
        cr_assert(!uri.user && !uri.password && !uri.host && !uri.unix_path);
    } else {
        snprintf(found, sizeof(found), "%s %s %s %s %d %d %s", uri.is_tls ? "tls" : "plain",
                 or_dash(uri.user), or_dash(uri.password), or_dash(uri.host), uri.port, uri.db,
                 or_dash(uri.unix_path));
    }
    cr_assert_str_eq(found, expected, "%s: %s", text, found);
    uri_deinit(&uri);
}

Test(uri, redis)
{
    expect_uri("redis://", "plain - - - 0 -1 -");
    expect_uri("redis://h", "plain - - h 0 -1 -");
    expect_uri("REDIS://h:1234/5", "plain - - h 1234 5 -");
    expect_uri("rediss://h/0", "tls - - h 0 0 -");
    expect_uri("redis://h/", "plain - - h 0 -1 -");
    expect_uri("redis://h:/", "plain - - h 0 -1 -");
    expect_uri("redis:///7", "plain - - - 0 7 -");
    expect_uri("redis://h:1/2?timeout=3", "plain - - h 1 2 -");
}

Test(uri, credentials)
{
    expect_uri("redis://u:p@h:1", "plain u p h 1 -1 -");
    expect_uri("redis://:p@h", "plain - p h 0 -1 -");
    expect_uri("redis://p@h", "plain - p h 0 -1 -");
    expect_uri("redis://u%40x:p%3a%2F%25@h", "plain u@x p:/% h 0 -1 -");
    expect_uri("redis://u:a:b@", "plain u a:b - 0 -1 -");
}

Test(uri, addresses)
{
    expect_uri("redis://[::1]", "plain - - ::1 0 -1 -");
    expect_uri("rediss://u:p@[fe80::1]:7000/3", "tls u p fe80::1 7000 3 -");
}

Test(uri, unix_sockets)
{
    expect_uri("unix:///run/redis.sock", "plain - - - 0 -1 /run/redis.sock");
    expect_uri("unix://u:p@/run/r.sock?db=4", "plain u p - 0 4 /run/r.sock");
    expect_uri("unix:///run/redis@a/r.sock", "plain - - - 0 -1 /run/redis@a/r.sock");
    expect_uri("unix://u:p@/run/redis@a", "plain u p - 0 -1 /run/redis@a");
}

Test(uri, mistakes)
{
    expect_uri("", "!Invalid URI scheme");
    expect_uri("http://h", "!Invalid URI scheme");
    expect_uri("redis:h", "!Invalid URI scheme");
    expect_uri("redis://u%4:p@h", "!Invalid user or password in URI");
    expect_uri("redis://u:p%@h", "!Invalid user or password in URI");
    expect_uri("redis://u:p%00@h", "!Invalid user or password in URI");
    expect_uri("redis://h:x", "!Invalid host or port in URI");
    expect_uri("redis://h:65536", "!Invalid host or port in URI");
    expect_uri("redis://[::1", "!Invalid host or port in URI");
    expect_uri("redis://[::1]x", "!Invalid host or port in URI");
    expect_uri("redis://h/x", "!Invalid database number in URI");
    expect_uri("redis://h/-1", "!Invalid database number in URI");
    expect_uri("unix://", "!Invalid socket path in URI");
    expect_uri("unix:///s?db=x", "!Invalid database number in URI");
}
