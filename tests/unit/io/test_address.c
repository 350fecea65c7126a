/* Addresses: parsing, formatting, and what sockets say. */
#include "io/address.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_format(const char *host, int port, const char *expected)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    cr_assert_eq(address_parse(host, port, &address), 0, "%s", host);
    address_format(&address, text);
    cr_assert_str_eq(text, expected);
}

Test(address, parses_and_formats)
{
    expect_format("127.0.0.1", 6379, "127.0.0.1:6379");
    expect_format("*", 1, "0.0.0.0:1");
    expect_format("::1", 6379, "[::1]:6379");
    expect_format("::*", 65535, "[::]:65535");
    expect_format("2001:DB8:0:0::1", 0, "[2001:db8::1]:0");
    expect_format("::ffff:10.0.0.1", 7, "[::ffff:10.0.0.1]:7");
}

Test(address, refuses_nonsense)
{
    struct address address;
    static const char *const hosts[] = {"",    "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1",
                                        ":::", "1.2.3.4 ",  "[::1]", "::1%lo"};
    for (unsigned i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        cr_assert_eq(address_parse(hosts[i], 1, &address), -EINVAL, "%s", hosts[i]);
    cr_assert_eq(address_parse("127.0.0.1", -1, &address), -EINVAL);
    cr_assert_eq(address_parse("127.0.0.1", 65536, &address), -EINVAL);
}

Test(address, unix_paths)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    cr_assert_eq(address_unix("/tmp/some.sock", &address), 0);
    address_format(&address, text);
    cr_assert_str_eq(text, "/tmp/some.sock:0");
    char path[200];
    memset(path, 'p', sizeof(path));
    path[107] = '\0';
    cr_assert_eq(address_unix(path, &address), 0);
    address_format(&address, text);
    cr_assert_eq(strlen(text), 107 + 2);
    path[107] = 'p';
    path[108] = '\0';
    cr_assert_eq(address_unix(path, &address), -EINVAL);
    cr_assert_eq(address_unix("", &address), -EINVAL);
}

Test(address, loopback)
{
    static const struct {
        const char *host;
        bool is_loopback;
    } rows[] = {{"127.0.0.1", true},        {"127.9.9.9", true}, {"128.0.0.1", false},
                {"0.0.0.0", false},         {"::1", true},       {"::", false},
                {"::ffff:127.0.0.1", true}, {"fe80::1", false},  {"::ffff:1.2.3.4", false}};
    struct address address;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(address_parse(rows[i].host, 1, &address), 0);
        cr_assert_eq(address_is_loopback(&address), rows[i].is_loopback, "%s", rows[i].host);
    }
    cr_assert_eq(address_unix("/x", &address), 0);
    cr_assert(address_is_loopback(&address));
}

Test(address, of_sockets)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    char local[ADDRESS_TEXT_MAX];
    cr_assert_eq(address_parse("127.0.0.1", 0, &address), 0);
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&address.storage, address.size), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address.storage, &address.size), 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address_of_peer(fd, text);
    cr_assert_str_eq(text, "?:0");
    cr_assert_eq(address_peer(fd, &address), -ENOTCONN);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address.storage, &address.size), 0);
    address.size = sizeof(struct sockaddr_in);
    address_of_local(listening, local);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address.storage, &address.size), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
    address_of_peer(fd, text);
    cr_assert_str_eq(text, local);
    struct address peer;
    cr_assert_eq(address_peer(fd, &peer), 0);
    cr_assert_eq(memcmp(&peer.storage, &address.storage, peer.size), 0);
    close(fd);
    close(listening);
    address_of_peer(fd, text);
    cr_assert_str_eq(text, "?:0");
}

/* Both ends of a unix connection bear the listener's path. */
Test(address, of_unix_sockets)
{
    char path[64];
    snprintf(path, sizeof(path), "/tmp/sluice-address-%d.sock", (int)getpid());
    struct address address;
    cr_assert_eq(address_unix(path, &address), 0);
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&address.storage, address.size), 0);
    cr_assert_eq(listen(listening, 1), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
    int accepted = accept(listening, NULL, NULL);
    char expected[ADDRESS_TEXT_MAX];
    snprintf(expected, sizeof(expected), "%s:0", path);
    const int ends[] = {fd, accepted};
    for (unsigned i = 0; i < 2; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_of_peer(ends[i], text);
        cr_assert_str_eq(text, expected);
        address_of_local(ends[i], text);
        cr_assert_str_eq(text, expected);
    }
    close(fd);
    close(accepted);
    close(listening);
    unlink(path);
}

Test(address, resolves_numbers)
{
    struct address addresses[4];
    char text[ADDRESS_TEXT_MAX];
    char error[256];
    cr_assert_geq(address_resolve("127.0.0.1", 6379, addresses, 4, error), 1);
    address_format(&addresses[0], text);
    cr_assert_str_eq(text, "127.0.0.1:6379");
    cr_assert_eq(address_resolve("no such host!", 6379, addresses, 4, error), 0);
    cr_assert_neq(error[0], '\0');
}

/* With /etc/hosts or without. */
Test(address, localhost_is_loopback)
{
    struct address addresses[4];
    char error[256];
    int count = address_resolve("localhost", 7, addresses, 4, error);
    cr_assert_geq(count, 1, "%s", error);
    for (int i = 0; i < count; i++)
        cr_assert(address_is_loopback(&addresses[i]));
}
