/* The command table: lookup whatever the case, containers and their subcommands, renaming, what is
 * derived from a row. */
#include "dispatch/command.h"

#include "base/memory.h"
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>

static void nothing(struct call *call)
{
    (void)call;
}

static const struct command_spec subcommands[] = {
    {.name = "list", .handler = nothing, .arity = -2},
    {.name = "kill", .handler = nothing, .arity = -3, .flags = COMMAND_ADMIN},
    {0},
};

// clang-format off
static const struct command_spec specs[] = {
    {.name = "get", .handler = nothing, .arity = 2, .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_STRING, .keys = KEY_FIRST(KEY_RO | KEY_ACCESS)},
    {.name = "mset", .handler = nothing, .arity = -3, .flags = COMMAND_WRITE,
     .keys = KEY_ALL(KEY_OW, 2)},
    {.name = "client", .arity = -2, .subcommands = subcommands},
    {.name = "lcs", .handler = nothing, .arity = -3,
     .keys = {{.flags = KEY_RO, .begin = KEY_SPEC_INDEX, .index = 1, .find = KEY_FIND_RANGE,
               .last = 1, .step = 1}}},
    {.name = "eval", .handler = nothing, .arity = -3,
     .keys = {{.flags = KEY_RW, .begin = KEY_SPEC_INDEX, .index = 2, .find = KEY_FIND_KEYNUM,
               .last = 0, .step = 1, .limit = 1}}},
    {.name = "spublish", .handler = nothing, .arity = 3,
     .keys = {{.flags = KEY_NOT_KEY, .begin = KEY_SPEC_INDEX, .index = 1, .find = KEY_FIND_RANGE,
               .last = 0, .step = 1}}},
    {0},
};
// clang-format on

static struct command_table *table;

static void set_up(void)
{
    mem_init();
    table = command_table_create();
    command_table_add(table, specs);
}

static void tear_down(void)
{
    command_table_destroy(table);
}

TestSuite(command, .init = set_up, .fini = tear_down);

static struct command *look_up(const char *first, const char *second)
{
    struct bytes argv[2] = {bytes_of_text(first), bytes_of_text(second ? second : "")};
    return command_lookup(table, argv, second ? 2 : 1);
}

Test(command, found_in_any_case)
{
    cr_assert_str_eq(look_up("get", NULL)->name, "get");
    cr_assert_eq(look_up("GeT", "key"), look_up("get", NULL));
    cr_assert_null(look_up("gets", NULL));
    cr_assert_null(look_up("ge", NULL));
    cr_assert_null(look_up("", NULL));
    struct bytes with_nul = bytes_of("get\0", 4);
    cr_assert_null(command_lookup(table, &with_nul, 1));
    static char endless[100000];
    memset(endless, 'g', sizeof(endless));
    struct bytes name = bytes_of(endless, sizeof(endless));
    cr_assert_null(command_lookup(table, &name, 1));
    cr_assert_null(command_lookup(table, &name, 0));
    /* Letters and what differs from them in the same bit are not the same. */
    cr_assert_null(look_up("\x07"
                           "et",
                           NULL));
}

Test(command, subcommands)
{
    struct command *client = look_up("client", NULL);
    cr_assert_eq(client->subcommand_count, 2);
    struct command *list = look_up("CLIENT", "LIST");
    cr_assert_str_eq(list->name, "client|list");
    cr_assert_eq(list->parent, client);
    cr_assert_eq(look_up("client", "nonsense"), client, "the container stands for the unknown");
    cr_assert_eq(command_lookup_name(table, BYTES_LITERAL("Client|Kill")),
                 look_up("client", "kill"));
    cr_assert_eq(command_lookup_name(table, BYTES_LITERAL("client")), client);
    cr_assert_null(command_lookup_name(table, BYTES_LITERAL("client|")));
    cr_assert_null(command_lookup_name(table, BYTES_LITERAL("client|nonsense")));
    cr_assert_null(command_lookup_name(table, BYTES_LITERAL("get|list")));
    cr_assert_null(command_lookup_name(table, BYTES_LITERAL("|")));
    cr_assert_null(command_lookup_name(table, BYTES_LITERAL("")));
}

Test(command, keys_are_derived)
{
    struct command *get = look_up("get", NULL);
    cr_assert_eq(get->first_key, 1);
    cr_assert_eq(get->last_key, 1);
    cr_assert_eq(get->step, 1);
    struct command *mset = look_up("mset", NULL);
    cr_assert_eq(mset->first_key, 1);
    cr_assert_eq(mset->last_key, -1);
    cr_assert_eq(mset->step, 2);
    cr_assert_eq(look_up("lcs", NULL)->last_key, 2);
    cr_assert_not(look_up("lcs", NULL)->flags & COMMAND_MOVABLE_KEYS);
    cr_assert(look_up("eval", NULL)->flags & COMMAND_MOVABLE_KEYS);
    cr_assert_eq(look_up("eval", NULL)->first_key, 0);
    cr_assert_eq(look_up("spublish", NULL)->first_key, 1, "as Redis shows it");
    cr_assert_not(look_up("spublish", NULL)->flags & COMMAND_MOVABLE_KEYS);
}

Test(command, categories_follow_from_flags)
{
    cr_assert_eq(look_up("get", NULL)->categories, CATEGORY_STRING | CATEGORY_READ | CATEGORY_FAST);
    cr_assert_eq(look_up("mset", NULL)->categories, CATEGORY_WRITE | CATEGORY_SLOW);
    cr_assert_eq(look_up("client", "kill")->categories,
                 CATEGORY_ADMIN | CATEGORY_DANGEROUS | CATEGORY_SLOW);
}

Test(command, renaming)
{
    struct command *get = look_up("get", NULL);
    cr_assert_eq(command_table_rename(table, "nonsense", "x"), -1);
    cr_assert_eq(command_table_rename(table, "get", "mset"), -1);
    cr_assert_eq(command_table_rename(table, "get", "fetch"), 0);
    cr_assert_null(look_up("get", NULL));
    cr_assert_eq(look_up("FETCH", NULL), get);
    cr_assert_str_eq(get->name, "get", "errors and statistics keep the name");
    cr_assert_eq(command_table_count(table), 6);
    cr_assert_eq(command_table_rename(table, "mset", ""), 0);
    cr_assert_null(look_up("mset", NULL));
    cr_assert_eq(command_table_count(table), 5);
    cr_assert_eq(command_table_rename(table, "client", NULL), 0);
    cr_assert_null(look_up("client", "list"));
    cr_assert_not_null(look_up("lcs", NULL), "the others stay");
    cr_assert_not_null(look_up("eval", NULL));
    cr_assert_not_null(look_up("spublish", NULL));
}

static void visit(struct command *command, void *context)
{
    char *text = context;
    strcat(text, command->name);
    strcat(text, " ");
}

Test(command, each_in_table_order)
{
    char text[256] = "";
    command_table_each(table, visit, text);
    cr_assert_str_eq(text, "get mset client lcs eval spublish ");
}

Test(command, hundreds_are_all_found)
{
    enum { COUNT = 400 };
    static struct command_spec many[COUNT + 1];
    static char names[COUNT][16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "c%dx%d", i * 7919 % 1000, i);
        many[i] = (struct command_spec){.name = names[i], .handler = nothing, .arity = 1};
    }
    command_table_add(table, many);
    for (int i = 0; i < COUNT; i++) {
        char upper[16];
        for (size_t k = 0; k < sizeof(upper); k++)
            upper[k] = (char)toupper(names[i][k]);
        struct command *command = look_up(upper, NULL);
        cr_assert_not_null(command);
        cr_assert_str_eq(command->name, names[i]);
    }
    for (int i = 0; i < COUNT; i += 2)
        cr_assert_eq(command_table_rename(table, names[i], NULL), 0);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(look_up(names[i], NULL) != NULL, i % 2);
}

/* Lookup goes by words of the name: all lengths, and bytes that fold to the same word. */
Test(command, names_of_every_length)
{
    enum { LONGEST = 40 };
    static char names[LONGEST + 1][LONGEST + 1];
    static struct command_spec rows[LONGEST + 1];
    for (int size = 1; size <= LONGEST; size++) {
        for (int i = 0; i < size; i++)
            names[size][i] = i % 7 == 5 ? '-' : (char)('a' + (size + i) % 26);
        rows[size - 1] = (struct command_spec){.name = names[size], .handler = nothing, .arity = 1};
    }
    struct command_table *own = command_table_create();
    command_table_add(own, rows);
    for (int size = 1; size <= LONGEST; size++) {
        char other[LONGEST + 1];
        struct bytes name = {other, (size_t)size};
        for (int i = 0; i <= size; i++)
            other[i] = (char)toupper(names[size][i]);
        const struct command *found = command_lookup(own, &name, 1);
        cr_assert(found, "%s", other);
        cr_assert_str_eq(found->name, names[size]);
        for (int i = 0; i < size; i++) {
            char kept = other[i];
            other[i] = kept == '-' ? '\r' : (char)(kept ^ 0x60);
            cr_assert_null(command_lookup(own, &name, 1), "%d of %d", i, size);
            other[i] = kept;
        }
    }
    command_table_destroy(own);
}
