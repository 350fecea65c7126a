/* See help_remaining.h. The syntax is items with blanks between them; brackets make an item
 * optional and keep its words together. A typed word is, in this order:
 *  - the next word of the option that the word before began,
 *  - a token that begins an option ("EX", in capitals there),
 *  - the next required item; options in front of that are over then,
 *  - one more for something that repeats: it leaves everything as it is.
 */
#include "tools/cli/help_remaining.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

enum { ITEMS_MAX = 64 };

struct item {
    struct bytes text;
    bool is_used;
};

struct syntax {
    struct item items[ITEMS_MAX];
    size_t count;
    struct bytes begun; /* what is left of the option in hand */
};

struct bytes help_next_word(struct bytes *rest)
{
    size_t start = 0;
    while (start < rest->size && rest->data[start] == ' ')
        start++;
    size_t end = start;
    while (end < rest->size && rest->data[end] != ' ')
        end++;
    struct bytes word = bytes_of(rest->data + start, end - start);
    *rest = bytes_of(rest->data + end, rest->size - end);
    return word;
}

/* How far it is to `end` outside of brackets, or to the end. */
static size_t span(struct bytes text, char end)
{
    int depth = 0;
    size_t at = 0;
    for (; at < text.size && (depth > 0 || text.data[at] != end); at++)
        depth += (text.data[at] == '[') - (text.data[at] == ']');
    return at;
}

static void parse(struct syntax *syntax, const char *text)
{
    struct bytes rest = bytes_of_text(text);
    *syntax = (struct syntax){.begun = bytes_of("", 0)};
    while (rest.size > 0 && syntax->count < ITEMS_MAX) {
        size_t size = span(rest, ' ');
        if (size > 0)
            syntax->items[syntax->count++].text = bytes_of(rest.data, size);
        size += size < rest.size;
        rest = bytes_of(rest.data + size, rest.size - size);
    }
}

static bool is_optional(const struct item *item)
{
    return item->text.data[0] == '[';
}

/* Looks for an alternative of an option that begins with the word; *left is what follows there. */
static bool begins_option(struct bytes option, struct bytes word, struct bytes *left)
{
    struct bytes rest = bytes_of(option.data + 1, option.size - 1);
    if (rest.size > 0 && rest.data[rest.size - 1] == ']')
        rest.size--;
    while (rest.size > 0) {
        size_t size = span(rest, '|');
        struct bytes alternative = bytes_of(rest.data, size);
        struct bytes token = help_next_word(&alternative);
        bool is_token = token.size > 0 && !islower((unsigned char)token.data[0]);
        if (is_token && token.size == word.size &&
            strncasecmp(token.data, word.data, word.size) == 0) {
            size_t blank = alternative.size > 0;
            *left = bytes_of(alternative.data + blank, alternative.size - blank);
            return true;
        }
        size += size < rest.size;
        rest = bytes_of(rest.data + size, rest.size - size);
    }
    return false;
}

static bool take_option(struct syntax *syntax, struct bytes word)
{
    for (size_t i = 0; i < syntax->count; i++) {
        struct item *item = &syntax->items[i];
        if (item->is_used || !is_optional(item))
            continue;
        if (begins_option(item->text, word, &syntax->begun)) {
            item->is_used = true;
            return true;
        }
    }
    return false;
}

static void take_required(struct syntax *syntax)
{
    size_t index = 0;
    while (index < syntax->count &&
           (syntax->items[index].is_used || is_optional(&syntax->items[index])))
        index++;
    for (size_t i = 0; index < syntax->count && i <= index; i++)
        syntax->items[i].is_used = true;
}

static void take_word(struct syntax *syntax, struct bytes word)
{
    if (syntax->begun.size > 0 && syntax->begun.data[0] != '[') {
        help_next_word(&syntax->begun);
        size_t blank = syntax->begun.size > 0;
        syntax->begun = bytes_of(syntax->begun.data + blank, syntax->begun.size - blank);
        return;
    }
    if (!take_option(syntax, word))
        take_required(syntax);
}

static size_t append(char *out, size_t size, size_t used, struct bytes text)
{
    if (text.size == 0 || used + 1 >= size)
        return used;
    int added =
        snprintf(out + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)text.size, text.data);
    size_t room = size - used - 1;
    return used + ((size_t)added < room ? (size_t)added : room);
}

void help_remaining(const char *text, struct bytes line, char *out, size_t size)
{
    struct syntax syntax;
    parse(&syntax, text);
    for (struct bytes word = help_next_word(&line); word.size > 0; word = help_next_word(&line))
        take_word(&syntax, word);
    out[0] = '\0';
    size_t used = append(out, size, 0, syntax.begun);
    for (size_t i = 0; i < syntax.count; i++)
        if (!syntax.items[i].is_used)
            used = append(out, size, used, syntax.items[i].text);
}
