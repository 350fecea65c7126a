/* Clients: texts that are owned, names that may be shown, the letters of CLIENT LIST. */
#include "client/client.h"

#include "base/clock.h"
#include "base/memory.h"
#include "client/client_table.h"
#include <criterion/criterion.h>

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(client, .init = set_up);

Test(client, is_born_with_defaults_and_frees_what_it_owns)
{
    size_t used = mem_used();
    struct client_table *table = client_table_create();
    struct client *client = client_create(table);
    cr_assert_eq(client->id, 1);
    cr_assert_eq(client->protocol, 2);
    cr_assert_eq(client->db, 0);
    cr_assert_eq(client->flags, 0);
    cr_assert_str_eq(client->user, "default");
    cr_assert_eq((uintptr_t)&client->meters % 64, 0, "the I/O thread's counters share no line");
    char **texts[] = {
        &client->name,  &client->lib_name,        &client->lib_version,     &client->peer,
        &client->local, &client->tls_description, &client->certificate_name};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        client_set_text(texts[i], BYTES_LITERAL("some text"));
    reply_begin(&client->reply, 2, NULL);
    reply_bulk_text(&client->reply, "not sent");
    client_destroy(table, client);
    client_table_destroy(table);
    cr_assert_eq(mem_used(), used);
}

Test(client, internal_clients_are_in_no_table)
{
    size_t used = mem_used();
    struct client *client = client_create_internal();
    cr_assert(client->flags & CLIENT_INTERNAL);
    cr_assert(client->flags & CLIENT_AUTHENTICATED);
    client_destroy(NULL, client);
    cr_assert_eq(mem_used(), used);
}

Test(client, set_text_replaces_and_clears)
{
    char *text = NULL;
    client_set_text(&text, bytes_of("abc\0def", 7));
    cr_assert_eq(memcmp(text, "abc\0def", 8), 0);
    client_set_text(&text, BYTES_LITERAL("b"));
    cr_assert_str_eq(text, "b");
    client_set_text(&text, BYTES_LITERAL(""));
    cr_assert_null(text);
}

Test(client, names_are_printable_without_spaces)
{
    cr_assert(client_name_is_valid(BYTES_LITERAL("")));
    cr_assert(client_name_is_valid(BYTES_LITERAL("!name=~")));
    cr_assert_not(client_name_is_valid(BYTES_LITERAL("a b")));
    cr_assert_not(client_name_is_valid(BYTES_LITERAL("a\nb")));
    cr_assert_not(client_name_is_valid(bytes_of("a\0", 2)));
    cr_assert_not(client_name_is_valid(BYTES_LITERAL("\x7f")));
    cr_assert_not(client_name_is_valid(BYTES_LITERAL("h\xc3\xa9")));
}

Test(client, flags_are_letters)
{
    struct client *client = client_create_internal();
    char text[16];
    client_format_flags(client, text);
    cr_assert_str_eq(text, "N");
    client->flags |= CLIENT_MULTI | CLIENT_BLOCKED;
    client_format_flags(client, text);
    cr_assert_str_eq(text, "xb");
    client->flags = UINT32_MAX;
    client_format_flags(client, text); /* all of them fit */
    cr_assert_lt(strlen(text), sizeof(text));
    cr_assert_null(strchr(text, 'N'));
    client->flags = CLIENT_INTERNAL;
    client_destroy(NULL, client);
}
