/* The table of documentation against the tables of commands, and the replies of COMMAND DOCS. */
#include "command_suite.h"
#include "commands/command_docs.h"
#include <stdio.h>
#include <string.h>

static void setup(void)
{
    fx = fixture_create(all_commands);
}

TestSuite(command_docs, .init = setup, .fini = destroy_fixture);

static void visit_documented(struct command *command, void *context)
{
    int *documented = context;
    const struct command_doc *doc =
        command_doc_find(command->spec, command->parent ? command->parent->spec : NULL);
    cr_assert(doc, "%s has no documentation", command->name);
    cr_assert_str_eq(doc->name, command->name);
    (*documented)++;
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        visit_documented(&command->subcommands[i], context);
}

/* Every command has a text, and no text is about nothing: the counts agree and names are unique. */
Test(command_docs, one_for_each_command)
{
    int documented = 0;
    command_table_each(fx->services.commands, visit_documented, &documented);
    int count;
    const struct command_doc *docs = command_docs_all(&count);
    for (int i = 0; i < count; i++)
        cr_assert(command_lookup_name(fx->services.commands, bytes_of_text(docs[i].name)),
                  "%s is documented and no command", docs[i].name);
    cr_assert_eq(documented, count);
}

Test(command_docs, sorted)
{
    int count;
    const struct command_doc *docs = command_docs_all(&count);
    cr_assert_gt(count, 50);
    for (int i = 1; i < count; i++)
        cr_assert_lt(strcmp(docs[i - 1].name, docs[i].name), 0, "%s", docs[i].name);
}

static bool is_version(const char *text)
{
    int parts[3];
    int used = 0;
    return sscanf(text, "%d.%d.%d%n", &parts[0], &parts[1], &parts[2], &used) == 3 && !text[used];
}

/* What each type of argument must and must not have; key specifications that exist. */
static void check_args(const struct command_doc *doc, const struct command *command,
                       const struct command_arg *args, int count)
{
    for (int i = 0; i < count; i++) {
        const struct command_arg *arg = &args[i];
        bool is_group = strcmp(arg->type, "oneof") == 0 || strcmp(arg->type, "block") == 0;
        cr_assert_eq(is_group, arg->count > 0, "%s %s", doc->name, arg->name);
        cr_assert_eq(is_group, arg->display == NULL, "%s %s", doc->name, arg->name);
        /* A pattern may name keys too (SORT). */
        if (strcmp(arg->type, "pattern") != 0)
            cr_assert_eq(strcmp(arg->type, "key") == 0, arg->key_spec_index >= 0, "%s %s",
                         doc->name, arg->name);
        if (arg->key_spec_index >= 0)
            cr_assert_neq(command->spec->keys[arg->key_spec_index].begin, KEY_SPEC_NONE, "%s %s",
                          doc->name, arg->name);
        if (arg->since)
            cr_assert(is_version(arg->since), "%s %s", doc->name, arg->name);
        check_args(doc, command, arg->args, arg->count);
    }
}

Test(command_docs, fields_are_sound)
{
    int count;
    const struct command_doc *docs = command_docs_all(&count);
    for (int i = 0; i < count; i++) {
        const struct command_doc *doc = &docs[i];
        cr_assert(is_version(doc->since), "%s", doc->name);
        cr_assert_eq(!!(doc->flags & DOC_DEPRECATED), !!doc->deprecated_since, "%s", doc->name);
        cr_assert_eq(!!doc->replaced_by, !!doc->deprecated_since, "%s", doc->name);
        for (int j = 0; j < doc->history_count; j++)
            cr_assert(is_version(doc->history[2 * j]), "%s", doc->name);
        check_args(doc, command_lookup_name(fx->services.commands, bytes_of_text(doc->name)),
                   doc->args, doc->arg_count);
    }
}

Test(command_docs, find)
{
    static const struct command_spec client = {.name = "client"};
    static const struct command_spec list = {.name = "list"};
    static const struct command_spec nothing = {.name = "nothing"};
    cr_assert_str_eq(command_doc_find(&client, NULL)->name, "client");
    cr_assert_str_eq(command_doc_find(&list, &client)->name, "client|list");
    cr_assert_null(command_doc_find(&list, NULL));
    cr_assert_null(command_doc_find(&nothing, NULL));
    cr_assert_null(command_doc_find(&nothing, &client));
}

/* The order of the fields is Redis's. */
Test(command_docs, reply_resp3)
{
    fx->client->protocol = 3;
    expect_reply(
        fx,
        "%1 $6 substr %8 "
        "$7 summary $33 Returns a part of a string value. $5 since $5 1.0.0 "
        "$5 group $6 string "
        "$10 complexity $66 O(N) where N is the length of the reply; near O(1) for short ones. "
        "$9 doc_flags ~1 +deprecated $16 deprecated_since $5 2.0.0 "
        "$11 replaced_by $10 `GETRANGE` $9 arguments *3 "
        "%4 $4 name $3 key $4 type $3 key $12 display_text $3 key $14 key_spec_index :0 "
        "%3 $4 name $5 start $4 type $7 integer $12 display_text $5 start "
        "%3 $4 name $3 end $4 type $7 integer $12 display_text $3 end",
        "COMMAND DOCS SUBSTR");
}

Test(command_docs, reply_resp2)
{
    const char *reply = fixture_run(fx, "COMMAND DOCS exists nothing");
    cr_assert(strncmp(reply, "*2 $6 exists *12 $7 summary ", 28) == 0, "%s", reply);
    cr_assert(strstr(reply, " $7 history *1 *2 $5 3.0.3 $"), "%s", reply);
    cr_assert(strstr(reply, " $9 arguments *1 *10 $4 name $3 key "), "%s", reply);
    cr_assert(strstr(reply, " $5 flags *1 +multiple"), "%s", reply);
}

Test(command_docs, subcommands)
{
    fx->client->protocol = 3;
    const char *reply = fixture_run(fx, "COMMAND DOCS object");
    cr_assert(strstr(reply, " $11 subcommands %5 $15 object|encoding %5 $7 summary "), "%s", reply);
    reply = fixture_run(fx, "COMMAND DOCS object|freq");
    cr_assert(strncmp(reply, "%1 $11 object|freq %5 ", 22) == 0, "%s", reply);
}

/* A renamed command is found by what it is called, and keeps its name and text. */
Test(command_docs, renamed)
{
    cr_assert_eq(command_table_rename(fx->services.commands, "get", "fetch"), 0);
    fx->client->protocol = 3;
    const char *reply = fixture_run(fx, "COMMAND DOCS fetch");
    cr_assert(strncmp(reply, "%1 $3 get %5 $7 summary $34 Returns", 35) == 0, "%s", reply);
}
