/* The line of CLIENT LIST: every field once, in Redis's order, one '=' a word. */
#include "client/client_describe.h"

#include "base/clock.h"
#include "base/memory.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct client *client;
static struct buffer out;

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    client = client_create_internal();
    buffer_init(&out, 4096);
}

static void tear_down(void)
{
    client_destroy(NULL, client);
    buffer_deinit(&out);
}

TestSuite(client_describe, .init = set_up, .fini = tear_down);

static const char *const fields[] = {
    "id",         "addr",        "laddr",    "fd",    "name",  "age",      "idle",    "flags",
    "db",         "sub",         "psub",     "ssub",  "multi", "watch",    "qbuf",    "qbuf-free",
    "argv-mem",   "multi-mem",   "rbs",      "rbp",   "obl",   "oll",      "omem",    "tot-mem",
    "events",     "cmd",         "user",     "redir", "resp",  "lib-name", "lib-ver", "io-thread",
    "tot-net-in", "tot-net-out", "tot-cmds", "tls",   "cert"};

static void check_order(char *line)
{
    size_t i = 0;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "), i++) {
        cr_assert_lt(i, sizeof(fields) / sizeof(fields[0]), "one more: %s", word);
        char *equals = strchr(word, '=');
        cr_assert_not_null(equals, "%s", word);
        *equals = '\0';
        cr_assert_str_eq(word, fields[i]);
    }
    cr_assert_eq(i, sizeof(fields) / sizeof(fields[0]));
}

static bool has(const char *text)
{
    return strstr(out.data, text) != NULL;
}

Test(client_describe, fields_and_their_order)
{
    client_describe(client, "NULL", &out);
    cr_assert(has(" name= "));
    cr_assert(has(" cmd=NULL "));
    cr_assert(has(" events=r "));
    cr_assert(has(" resp=2 "));
    cr_assert_null(strchr(out.data, '\n'));
    check_order(out.data);
}

Test(client_describe, values)
{
    client->id = 42;
    client->db = 3;
    client->protocol = 3;
    client->fd_number = 9;
    client->flags |= CLIENT_MULTI;
    client->created_us = clock_us() - 7500000;
    client->last_interaction_us = clock_us() - 2500000;
    client->commands_count = 11;
    client_set_text(&client->name, BYTES_LITERAL("worker"));
    client_set_text(&client->peer, BYTES_LITERAL("127.0.0.1:5000"));
    client_set_text(&client->tls_description, BYTES_LITERAL("TLSv1.3,X,full"));
    client->meters.input_size = 26;
    client->meters.input_capacity = 100;
    client->meters.bytes_in = 1000;
    client->meters.bytes_out = 2000;
    client->output_published = 2500;
    client_describe(client, "client|list", &out);
    static const char *const expected[] = {
        "id=42 addr=127.0.0.1:5000 ",
        " fd=9 name=worker age=7 idle=2 flags=x db=3 ",
        " qbuf=26 qbuf-free=74 ",
        " oll=1 omem=500 ",
        " events=rw ",
        " cmd=client|list user=default ",
        " resp=3 ",
        " tot-net-in=1000 tot-net-out=2000 tot-cmds=11 ",
        " tls=TLSv1.3,X,full ",
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        cr_assert(has(expected[i]), "no '%s' in '%s'", expected[i], out.data);
    check_order(out.data);
}
