/* Text helpers. The rules are Redis's; bytes above 127 are never letters. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static inline bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* -- glob -- */

/* Matches `c` against the class that begins at pattern[0] == '['. Returns the pattern's rest behind
 * the class. As in Redis a class without its ']' ends with the pattern, a range may be given
 * backwards, and an escaped character ignores ignore_case. */
static struct bytes match_class(struct bytes pattern, char c, bool ignore_case, bool *matches)
{
    const char *p = pattern.data + 1;
    const char *end = pattern.data + pattern.size;
    bool negated = p < end && *p == '^';
    bool found = false;
    if (negated)
        p++;
    for (; p < end && *p != ']'; p++) {
        if (*p == '\\' && end - p >= 2) {
            p++;
            found |= *p == c;
        } else if (end - p >= 3 && p[1] == '-') {
            /* Plain char comparison, signed, as the bytes compare there. */
            signed char from = (signed char)(ignore_case ? lower(p[0]) : p[0]);
            signed char to = (signed char)(ignore_case ? lower(p[2]) : p[2]);
            signed char at = (signed char)(ignore_case ? lower(c) : c);
            if ((signed char)p[0] > (signed char)p[2]) {
                signed char swapped = from;
                from = to;
                to = swapped;
            }
            found |= at >= from && at <= to;
            p += 2;
        } else {
            found |= ignore_case ? lower(*p) == lower(c) : *p == c;
        }
    }
    if (p < end)
        p++;
    *matches = found != negated;
    return bytes_of(p, (size_t)(end - p));
}

/* Matches one character against the pattern's first element, which is not a star; `*rest` is the
 * pattern behind that element. */
static bool match_one(struct bytes pattern, char c, bool ignore_case, struct bytes *rest)
{
    bool matches = true;
    switch (pattern.data[0]) {
    case '?':
        break;
    case '[':
        *rest = match_class(pattern, c, ignore_case, &matches);
        return matches;
    case '\\':
        if (pattern.size >= 2) {
            pattern.data++;
            pattern.size--;
        }
        __attribute__((fallthrough));
    default:
        matches = ignore_case ? lower(pattern.data[0]) == lower(c) : pattern.data[0] == c;
        break;
    }
    *rest = bytes_of(pattern.data + 1, pattern.size - 1);
    return matches;
}

/* Only the last star is ever tried again: whatever an earlier one could swallow more, the later one
 * can as well. So the work is at most pattern size times text size, without recursion. */
bool text_glob_match(struct bytes pattern, struct bytes text, bool ignore_case)
{
    /* In Redis not even a star matches the empty text (its callers treat "*" alone apart). */
    if (text.size == 0)
        return pattern.size == 0;
    struct bytes after_star = {NULL, 0};
    size_t star_at = 0;
    size_t i = 0;
    while (i < text.size) {
        struct bytes rest;
        if (pattern.size > 0 && pattern.data[0] == '*') {
            pattern = bytes_of(pattern.data + 1, pattern.size - 1);
            if (pattern.size == 0)
                return true;
            after_star = pattern;
            star_at = i;
        } else if (pattern.size > 0 && match_one(pattern, text.data[i], ignore_case, &rest)) {
            pattern = rest;
            i++;
        } else if (after_star.data) {
            pattern = after_star;
            i = ++star_at;
        } else {
            return false;
        }
    }
    while (pattern.size > 0 && pattern.data[0] == '*')
        pattern = bytes_of(pattern.data + 1, pattern.size - 1);
    return pattern.size == 0;
}

/* -- quoting -- */

int text_quote(struct buffer *out, struct bytes text)
{
    size_t size_before = out->size;
    int failed = buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size && !failed; i++) {
        unsigned char c = (unsigned char)text.data[i];
        static const char plain[] = "\\\"\n\r\t\a\b";
        static const char escaped[] = "\\\"nrtab";
        const char *found = c ? memchr(plain, c, sizeof plain - 1) : NULL;
        if (found)
            failed = buffer_append(out, (char[2]){'\\', escaped[found - plain]}, 2);
        else if (c >= 0x20 && c < 0x7f)
            failed = buffer_append(out, &c, 1);
        else
            failed = buffer_printf(out, "\\x%02x", c);
    }
    if (!failed)
        failed = buffer_append(out, "\"", 1);
    if (failed && out->data) {
        out->size = size_before;
        out->data[size_before] = '\0';
    }
    return failed ? -1 : 0;
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char text_unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

/* Reads the inside of a quoted word from *line (behind the opening quote) to behind the closing
 * one. In double quotes backslash escapes, in single ones it does so only before a single quote.
 * The closing quote must be followed by a space or the end. */
static bool read_quoted(const char **line, char quote, char *word, size_t *size)
{
    const char *p = *line;
    while (*p && *p != quote) {
        char c = *p++;
        if (c == '\\' && quote == '\'' && *p == '\'') {
            c = *p++;
        } else if (c == '\\' && quote == '"' && p[0] == 'x' && text_hex_digit(p[1]) >= 0 &&
                   text_hex_digit(p[2]) >= 0) {
            c = (char)(text_hex_digit(p[1]) * 16 + text_hex_digit(p[2]));
            p += 3;
        } else if (c == '\\' && quote == '"' && *p) {
            c = text_unescape(*p++);
        }
        word[(*size)++] = c;
    }
    if (*p != quote || (p[1] && !is_space(p[1])))
        return false;
    *line = p + 1;
    return true;
}

/* Reads one word, quoted anywhere, from *line; `word` has room for what is left of the line. */
static bool read_word(const char **line, char *word, size_t *size)
{
    while (**line && !is_space(**line)) {
        char c = *(*line)++;
        if (c == '"' || c == '\'')
            return read_quoted(line, c, word, size);
        word[(*size)++] = c;
    }
    return true;
}

/* The words read so far; both vectors have room for `capacity` and the terminator. */
struct words {
    char **texts;
    size_t *sizes;
    size_t count;
    size_t capacity;
};

static void add_word(struct words *words, const char *word, size_t size)
{
    if (words->count + 1 >= words->capacity) {
        words->capacity = words->capacity ? words->capacity * 2 : 8;
        words->texts = mem_realloc(words->texts, words->capacity * sizeof *words->texts);
        words->sizes = mem_realloc(words->sizes, words->capacity * sizeof *words->sizes);
    }
    if (word) {
        words->texts[words->count] = mem_dup(word, size + 1);
        words->sizes[words->count++] = size;
    }
    words->texts[words->count] = NULL;
}

char **text_split_args(const char *line, int *count, size_t **sizes)
{
    struct words words = {0};
    size_t room = strlen(line) + 1;
    char *word = mem_alloc(room);
    bool ok = true;
    add_word(&words, NULL, 0);
    while (is_space(*line))
        line++;
    while (*line && ok) {
        size_t size = 0;
        ok = read_word(&line, word, &size);
        word[size] = '\0';
        if (ok)
            add_word(&words, word, size);
        while (is_space(*line))
            line++;
    }
    mem_free_secret(word, room);
    if (!ok) {
        text_free_args(words.texts, (int)words.count);
        words.texts = NULL;
        words.count = 0;
    }
    *count = (int)words.count;
    if (sizes)
        *sizes = ok ? words.sizes : NULL;
    if (!sizes || !ok)
        mem_free(words.sizes);
    return words.texts;
}

void text_free_args(char **args, int count)
{
    if (!args)
        return;
    for (int i = 0; i < count; i++)
        mem_free_secret(args[i], strlen(args[i]));
    mem_free(args);
}

/* -- the rest -- */

void text_lower(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text[i] = lower(text[i]);
}

void text_upper(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text[i] = upper(text[i]);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

unsigned text_distance(struct bytes a, struct bytes b)
{
    enum { SIZE_LIMIT = 64 };
    if (a.size > SIZE_LIMIT || b.size > SIZE_LIMIT)
        return SIZE_LIMIT + 1;
    /* rows[i % 3][j]: distance between the first i bytes of a and the first j of b. */
    unsigned rows[3][SIZE_LIMIT + 1];
    for (unsigned j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            unsigned differs = a.data[i - 1] != b.data[j - 1];
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
            bool is_swap =
                i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1];
            if (is_swap && rows[(i - 2) % 3][j - 2] + 1 < row[j])
                row[j] = rows[(i - 2) % 3][j - 2] + 1;
        }
    }
    return rows[a.size % 3][b.size];
}

bool text_equal_secret(struct bytes a, struct bytes b)
{
    /* Runs over all of `a` whatever `b` is, so that the time tells nothing of the place where they
     * differ; the barrier keeps the compiler from leaving the loop early. */
    unsigned difference = a.size != b.size;
    for (size_t i = 0; i < a.size; i++) {
        unsigned char other = b.size ? (unsigned char)b.data[i % b.size] : 0;
        difference |= (unsigned)((unsigned char)a.data[i] ^ other);
        __asm__("" : "+r"(difference));
    }
    return difference == 0;
}

size_t text_copy(char *destination, size_t capacity, const char *source)
{
    assert(capacity > 0);
    size_t size = strnlen(source, capacity - 1);
    memcpy(destination, source, size);
    destination[size] = '\0';
    return size;
}
