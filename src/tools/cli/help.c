/* HELP: what the server says of its commands (COMMAND DOCS), asked once over a connection aside, so
 * that neither MULTI nor subscriptions stand in the way. Argument syntax is help_syntax.c's. */
#include "base/memory.h"
#include "base/text.h"
#include "tools/cli/cli.h"
#include "tools/cli/help_remaining.h"
#include "tools/cli/help_syntax.h"

#include <stdio.h>
#include <stdlib.h>

enum { HINT_MAX = 512 };

struct help_entry {
    char *name; /* "CONFIG GET" */
    char *summary;
    char *since;
    char *group;
    char *syntax;
};

/* Completion comes from libedit without a context. */
static struct {
    struct help_entry *entries; /* sorted by name */
    size_t count;
    size_t capacity;
    bool is_loaded;
    bool has_failed; /* the server did not tell: not asked again while typing */
} catalogue;

/* -- loading -- */

static char *text_of(const struct reply_value *value)
{
    return mem_strdup(value && value->text.data ? value->text.data : "");
}

static void add_command(struct bytes name, const struct reply_value *docs);

/* Names and docs in turns. */
static void add_commands(const struct reply_value *list)
{
    for (size_t i = 0; i + 1 < list->count; i += 2)
        if (list->elements[i].type == REPLY_STRING)
            add_command(list->elements[i].text, &list->elements[i + 1]);
}

static void add_command(struct bytes name, const struct reply_value *docs)
{
    if (catalogue.count == catalogue.capacity) {
        catalogue.capacity = catalogue.capacity ? catalogue.capacity * 2 : 256;
        catalogue.entries =
            mem_realloc(catalogue.entries, catalogue.capacity * sizeof(struct help_entry));
    }
    struct help_entry *entry = &catalogue.entries[catalogue.count++];
    entry->name = mem_dup(name.data, name.size + 1);
    text_upper(entry->name, name.size);
    char *bar = strchr(entry->name, '|');
    if (bar)
        *bar = ' ';
    entry->summary = text_of(help_field(docs, "summary"));
    entry->since = text_of(help_field(docs, "since"));
    entry->group = text_of(help_field(docs, "group"));
    entry->syntax = help_format_syntax(help_field(docs, "arguments"));
    const struct reply_value *subcommands = help_field(docs, "subcommands");
    if (subcommands && !bar)
        add_commands(subcommands);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct help_entry *)a)->name, ((const struct help_entry *)b)->name);
}

static void load(struct cli *cli)
{
    if (catalogue.is_loaded)
        return;
    catalogue.has_failed = true;
    struct sync_client *aside = cli_connect_aside(cli);
    if (!aside)
        return;
    const char *words[] = {"COMMAND", "DOCS"};
    struct reply_value *docs = sync_client_ask(aside, words, 2);
    if (docs && docs->type != REPLY_ERROR) {
        add_commands(docs);
        qsort(catalogue.entries, catalogue.count, sizeof(struct help_entry), compare_names);
        catalogue.is_loaded = true;
    }
    reply_value_free(docs);
    sync_client_destroy(aside);
}

void help_try_again(void)
{
    catalogue.has_failed = false;
}

void help_release(void)
{
    for (size_t i = 0; i < catalogue.count; i++) {
        mem_free(catalogue.entries[i].name);
        mem_free(catalogue.entries[i].summary);
        mem_free(catalogue.entries[i].since);
        mem_free(catalogue.entries[i].group);
        mem_free(catalogue.entries[i].syntax);
    }
    mem_free(catalogue.entries);
    catalogue.entries = NULL;
    catalogue.count = 0;
    catalogue.capacity = 0;
    catalogue.is_loaded = false;
}

/* -- printing -- */

static void print_overview(void)
{
    printf("%s\n"
           "To get help about Redis commands type:\n"
           "      \"help @<group>\" to get a list of commands in <group>\n"
           "      \"help <command>\" for help on <command>\n"
           "      \"help <tab>\" to get a list of possible help topics\n"
           "      \"quit\" to exit\n"
           "\n"
           "To set redis-cli preferences:\n"
           "      \":set hints\" enable online hints\n"
           "      \":set nohints\" disable online hints\n"
           "Set your preferences in ~/.redisclirc\n",
           options_version());
}

static void print_entry(const struct help_entry *entry, bool has_group)
{
    printf("\r\n  \x1b[1m%s\x1b[0m \x1b[90m%s\x1b[0m\r\n", entry->name, entry->syntax);
    printf("  \x1b[33msummary:\x1b[0m %s\r\n", entry->summary);
    printf("  \x1b[33msince:\x1b[0m %s\r\n", entry->since);
    if (has_group)
        printf("  \x1b[33mgroup:\x1b[0m %s\r\n", entry->group);
}

/* True when the words are the first words of the name. */
static bool is_about(const struct help_entry *entry, int argc, const struct bytes *argv)
{
    const char *at = entry->name;
    for (int i = 0; i < argc; i++) {
        size_t size = strcspn(at, " ");
        if (size != argv[i].size || strncasecmp(at, argv[i].data, size) != 0)
            return false;
        at += size + (at[size] == ' ');
    }
    return true;
}

void help_print(struct cli *cli, int argc, const struct bytes *argv)
{
    if (argc == 0) {
        print_overview();
        return;
    }
    load(cli);
    if (!catalogue.is_loaded)
        printf("\nHelp about commands comes from the server, which does not offer it now.\n");
    struct bytes first = argv[0];
    bool is_group = first.size > 0 && first.data[0] == '@';
    struct bytes group = is_group ? bytes_of(first.data + 1, first.size - 1) : first;
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct help_entry *entry = &catalogue.entries[i];
        if (is_group ? bytes_is(group, entry->group) : is_about(entry, argc, argv))
            print_entry(entry, !is_group);
    }
    printf("\r\n");
    fflush(stdout);
}

/* -- completing -- */

static bool begins_with(const char *text, struct bytes prefix)
{
    return strlen(text) >= prefix.size && strncasecmp(text, prefix.data, prefix.size) == 0;
}

static bool is_first_of_group(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(catalogue.entries[i].group, catalogue.entries[index].group) == 0)
            return false;
    return true;
}

const char *help_complete(struct cli *cli, struct bytes prefix, size_t index, bool is_group)
{
    static char topic[128];
    bool wants_subcommand = prefix.size > 0 && memchr(prefix.data, ' ', prefix.size) != NULL;
    load(cli);
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct help_entry *entry = &catalogue.entries[i];
        bool is_subcommand = strchr(entry->name, ' ') != NULL;
        if (is_group ? !is_first_of_group(i) : is_subcommand != wants_subcommand)
            continue;
        snprintf(topic, sizeof(topic), "%s%s", is_group ? "@" : "",
                 is_group ? entry->group : entry->name);
        if (begins_with(topic, prefix) && index-- == 0)
            return topic;
    }
    return NULL;
}

/* -- hinting -- */

/* The entry with the longest name that the words begin with; *used is how many words it has. */
static const struct help_entry *find_entry(struct bytes first, struct bytes second, int *used)
{
    const struct help_entry *found = NULL;
    const struct bytes words[] = {first, second};
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct help_entry *entry = &catalogue.entries[i];
        int count = strchr(entry->name, ' ') ? 2 : 1;
        if ((found && count < *used) || (count == 2 && second.size == 0) ||
            !is_about(entry, count, words))
            continue;
        found = entry;
        *used = count;
    }
    return found;
}

bool help_hint(struct cli *cli, struct bytes line, char *hint, size_t size)
{
    bool is_behind_blank = line.size > 0 && line.data[line.size - 1] == ' ';
    struct bytes rest = line;
    struct bytes first = help_next_word(&rest);
    struct bytes after_first = rest;
    struct bytes second = help_next_word(&rest);
    int used = 0;
    if (first.size == 0 || (!catalogue.is_loaded && !sync_client_is_connected(cli->client)))
        return false;
    if (!catalogue.has_failed)
        load(cli);
    const struct help_entry *entry = find_entry(first, second, &used);
    if (!entry)
        return false;
    rest = used == 2 ? rest : after_first;
    char remaining[HINT_MAX];
    help_remaining(entry->syntax, rest, remaining, sizeof(remaining));
    if (!remaining[0])
        return false;
    snprintf(hint, size, "%s%s", is_behind_blank ? "" : " ", remaining);
    for (char *at = hint; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return true;
}
