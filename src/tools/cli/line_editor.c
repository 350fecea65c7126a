/* See line_editor.h. libedit draws the line; everything else happens where it asks for a key:
 *
 *  - A hint is written behind the cursor before waiting and erased before libedit sees the key, so
 *    libedit's idea of the screen stays true.
 *  - Behind "auth " libedit is handed asterisks; the secret is kept here and put back into the line
 *    at its end. Only keys that add or remove at the end are let through meanwhile.
 *  - Ctrl-C is an ordinary key that ends the input, so no signal arrives in the middle of libedit.
 */
#include "tools/cli/line_editor.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "tools/cli/cli.h"
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum {
    SECRET_MAX = 1024,
    HINT_MAX = 512,
    MATCHES_MAX = 512,
    LINE_SIZE_MAX = 512 * 1024 * 1024,
    ESCAPE_WAIT_MS = 50,
    ESCAPE = 27,
    ERASE = 127,
    CTRL_C = 3,
    CTRL_U = 21,
    CTRL_W = 23
};

/* libedit calls back without a context of ours. */
static struct {
    struct cli *cli;
    EditLine *edit;
    History *history;
    const char *prompt;
    bool has_hints;
    bool can_colour; /* and move the cursor */
    bool is_masked;  /* the line in hand has a secret */
    wchar_t secret[SECRET_MAX];
    size_t secret_count;
} state;

/* -- the line in hand -- */

/* The bytes up to the cursor; false when it is not at the end. */
static bool line_before_end(struct bytes *line)
{
    const LineInfo *info = el_line(state.edit);
    *line = bytes_of(info->buffer, (size_t)(info->lastchar - info->buffer));
    return info->cursor == info->lastchar;
}

static struct bytes without_blanks(struct bytes text)
{
    while (text.size > 0 && text.data[0] == ' ')
        text = bytes_of(text.data + 1, text.size - 1);
    return text;
}

/* Where the secret begins in the line in hand: behind "auth " at the line's start. 0: nowhere. */
static size_t secret_offset(const LineInfoW *info)
{
    static const wchar_t word[] = L"auth ";
    const wchar_t *at = info->buffer;
    while (at < info->lastchar && *at == ' ')
        at++;
    if (info->cursor != info->lastchar || (size_t)(info->lastchar - at) < wcslen(word) ||
        wcsncasecmp(at, word, wcslen(word)) != 0)
        return 0;
    return (size_t)(at - info->buffer) + wcslen(word);
}

static bool has_secret(void)
{
    const LineInfoW *info = el_wline(state.edit);
    size_t offset = secret_offset(info);
    return offset > 0 && info->buffer + offset < info->lastchar;
}

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* -- hints -- */

/* How many columns of the cursor's row are free. */
static size_t free_columns(void)
{
    const LineInfoW *info = el_wline(state.edit);
    size_t used = strlen(state.prompt);
    for (const wchar_t *at = info->buffer; at < info->lastchar; at++) {
        int columns = wcwidth(*at);
        used += columns > 0 ? (size_t)columns : 0;
    }
    size_t width = terminal_width();
    /* At the edge terminals disagree about which row the cursor is in. */
    return used % width == 0 ? 0 : width - used % width - 1;
}

static bool has_key(int wait_ms)
{
    struct pollfd watch = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&watch, 1, wait_ms) > 0;
}

/* Writes the hint behind the cursor and comes back. Returns whether there is one. Looking for it
 * takes as long as the line is, so what is pasted is taken in first. */
static bool show_hint(void)
{
    struct bytes line;
    char hint[HINT_MAX];
    if (has_key(0) || !state.has_hints || !state.can_colour || has_secret() ||
        !line_before_end(&line) || !help_hint(state.cli, line, hint, sizeof(hint)))
        return false;
    size_t size = strlen(hint);
    size_t room = free_columns();
    size = size < room ? size : room;
    if (size == 0)
        return false;
    printf("\x1b[90m%.*s\x1b[0m\x1b[%zuD", (int)size, hint, size);
    fflush(stdout);
    return true;
}

/* In a terminal that became narrower it may have wrapped. */
static void hide_hint(void)
{
    fputs("\x1b[J", stdout);
    fflush(stdout);
}

/* -- keys -- */

/* One character of the locale. 1; 0 at the end of input; -1. */
static int read_character(wchar_t *character)
{
    mbstate_t decoder = {0};
    for (;;) {
        char byte;
        ssize_t size = read(STDIN_FILENO, &byte, 1);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return (int)size;
        size_t result = mbrtowc(character, &byte, 1, &decoder);
        if (result == (size_t)-2)
            continue;
        if (result == (size_t)-1 || result == 0)
            *character = (wchar_t)(unsigned char)byte;
        return 1;
    }
}

/* What follows ESC: "[A", "OA", "[1;5C", or one key. */
static void drop_escape_sequence(void)
{
    wchar_t key;
    if (!has_key(ESCAPE_WAIT_MS) || read_character(&key) <= 0 || (key != '[' && key != 'O'))
        return;
    do {
        if (!has_key(ESCAPE_WAIT_MS) || read_character(&key) <= 0)
            return;
    } while (key < 0x40 || key > 0x7e);
}

/* What is to be masked was there before: from now on it is a secret as well. */
static void follow_line(const LineInfoW *info, size_t offset)
{
    size_t count = (size_t)(info->lastchar - info->buffer) - offset;
    for (size_t i = state.secret_count; i < count && i < SECRET_MAX; i++)
        state.secret[i] = info->buffer[offset + i];
    state.secret_count = count < SECRET_MAX ? count : SECRET_MAX;
}

/* True when libedit may have the key (or an asterisk in its place). */
static bool mask(wchar_t *key)
{
    const LineInfoW *info = el_wline(state.edit);
    size_t offset = secret_offset(info);
    state.is_masked = offset > 0;
    if (!state.is_masked)
        return true;
    follow_line(info, offset);
    if (*key == ESCAPE)
        drop_escape_sequence();
    if (*key >= ' ' && *key != ERASE && state.secret_count < SECRET_MAX) {
        state.secret[state.secret_count++] = *key;
        *key = '*';
        return true;
    }
    return *key == '\r' || *key == '\n' || *key == ERASE || *key == '\b' || *key == CTRL_C ||
           *key == CTRL_U || *key == CTRL_W;
}

static int read_key(EditLine *edit, wchar_t *key)
{
    (void)edit;
    bool has_hint = show_hint();
    int result;
    do {
        result = read_character(key);
    } while (result == 1 && !mask(key));
    if (has_hint)
        hide_hint();
    return result;
}

/* The line with its secret in the asterisks' place. */
static char *unmask(const char *line, size_t size)
{
    const char *blank = strchr(line + strspn(line, " "), ' ');
    struct buffer out;
    buffer_init(&out, LINE_SIZE_MAX);
    buffer_append(&out, line, blank ? (size_t)(blank - line) + 1 : size);
    mbstate_t encoder = {0};
    for (size_t i = 0; blank && i < state.secret_count; i++) {
        char bytes[MB_LEN_MAX];
        size_t count = wcrtomb(bytes, state.secret[i], &encoder);
        if (count != (size_t)-1)
            buffer_append(&out, bytes, count);
    }
    explicit_bzero(state.secret, sizeof(state.secret));
    char *result = buffer_take(&out);
    buffer_deinit(&out);
    return result;
}

/* -- completion -- */

struct matches {
    char *names[MATCHES_MAX];
    size_t count;
    size_t common; /* letters that all begin with */
};

static void add_matches(struct matches *matches, struct bytes prefix, bool is_group)
{
    const char *found;
    for (size_t index = 0; matches->count < MATCHES_MAX &&
                           (found = help_complete(state.cli, prefix, index, is_group));
         index++) {
        const char *first = matches->count > 0 ? matches->names[0] : found;
        size_t same = 0;
        while (found[same] && found[same] == first[same])
            same++;
        matches->common = matches->count == 0 || same < matches->common ? same : matches->common;
        matches->names[matches->count++] = mem_strdup(found);
    }
}

/* Under the line, in columns. */
static void list_matches(const struct matches *matches)
{
    size_t widest = 0;
    for (size_t i = 0; i < matches->count; i++) {
        size_t size = strlen(matches->names[i]);
        widest = size > widest ? size : widest;
    }
    size_t columns = terminal_width() / (widest + 2);
    columns = columns > 0 ? columns : 1;
    for (size_t i = 0; i < matches->count; i++)
        printf("%s%-*s", i % columns == 0 ? "\n" : "", (int)widest + 2, matches->names[i]);
    printf("\n");
    fflush(stdout);
}

/* Adds what the matches have in common, in the case of what was typed. */
static unsigned char add_common(const struct matches *matches, struct bytes prefix)
{
    char more[128];
    size_t size = matches->common - prefix.size;
    bool is_whole = matches->count == 1;
    if (size + 2 > sizeof(more))
        return CC_ERROR;
    memcpy(more, matches->names[0] + prefix.size, size);
    bool is_upper = prefix.size > 0 && prefix.data[0] >= 'A' && prefix.data[0] <= 'Z';
    if (!is_upper)
        text_lower(more, size);
    if (is_whole)
        more[size++] = ' ';
    more[size] = '\0';
    return el_insertstr(state.edit, more) == 0 ? CC_REFRESH : CC_ERROR;
}

static unsigned char on_complete(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    struct bytes line;
    if (!line_before_end(&line))
        return CC_ERROR;
    struct bytes prefix = without_blanks(line);
    size_t skipped = prefix.size >= 5 && strncasecmp(prefix.data, "help ", 5) == 0 ? 5
                     : prefix.size >= 2 && memcmp(prefix.data, "? ", 2) == 0       ? 2
                                                                                   : 0;
    prefix = without_blanks(bytes_of(prefix.data + skipped, prefix.size - skipped));
    bool is_group = prefix.size > 0 && prefix.data[0] == '@';
    struct matches matches = {.count = 0};
    if (skipped > 0 && (is_group || prefix.size == 0))
        add_matches(&matches, prefix, true);
    if (skipped == 0 || !is_group)
        add_matches(&matches, prefix, false);
    unsigned char result = CC_ERROR;
    if (matches.count > 0 && (matches.common > prefix.size || matches.count == 1)) {
        result = add_common(&matches, prefix);
    } else if (matches.count > 1) {
        list_matches(&matches);
        result = CC_REDISPLAY;
    }
    for (size_t i = 0; i < matches.count; i++)
        mem_free(matches.names[i]);
    return result;
}

static unsigned char on_cancel(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    return CC_EOF;
}

/* -- life -- */

static char *give_prompt(EditLine *edit)
{
    (void)edit;
    return (char *)(uintptr_t)state.prompt;
}

static void bind_keys(void)
{
    static const char *const rows[][2] = {
        {"^I", "redis-complete"},          {"^C", "redis-cancel"},
        {"^R", "em-inc-search-prev"},      {"^W", "ed-delete-prev-word"},
        {"\\e[3~", "ed-delete-next-char"}, {"\\e[H", "ed-move-to-beg"},
        {"\\e[F", "ed-move-to-end"},       {"\\e[1~", "ed-move-to-beg"},
        {"\\e[4~", "ed-move-to-end"},      {"\\e[1;5C", "em-next-word"},
        {"\\e[1;5D", "ed-prev-word"},
    };
    /* The wide form: of narrow names libedit makes copies that it never frees. */
    el_wset(state.edit, EL_ADDFN, L"redis-complete", L"Complete a command", on_complete);
    el_wset(state.edit, EL_ADDFN, L"redis-cancel", L"End the input", on_cancel);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        el_set(state.edit, EL_BIND, rows[i][0], rows[i][1], NULL);
}

/* libedit takes over the keys a moment after it has shown the prompt: what is typed in between is
 * to be whole, and Ctrl-C a key already. */
static void take_terminal(struct termios *before)
{
    tcgetattr(STDIN_FILENO, before);
    struct termios raw = *before;
    raw.c_cc[VINTR] = _POSIX_VDISABLE;
    raw.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* Where no locale is chosen, as in most containers, terminals speak UTF-8 all the same. */
static void use_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "ANSI_X3.4-1968") == 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

void line_editor_start(struct cli *cli, int history_max)
{
    const char *terminal = getenv("TERM");
    HistEvent event;
    state.cli = cli;
    state.has_hints = true;
    state.can_colour = terminal && terminal[0] && strcmp(terminal, "dumb") != 0;
    use_locale();
    state.edit = el_init("redis-cli", stdin, stdout, stderr);
    state.history = history_init();
    if (!state.edit || !state.history) {
        fprintf(stderr, "Could not set up line editing\n");
        exit(1);
    }
    history(state.history, &event, H_SETSIZE, history_max);
    el_set(state.edit, EL_HIST, history, state.history);
    el_set(state.edit, EL_PROMPT, give_prompt);
    el_set(state.edit, EL_EDITOR, "emacs");
    el_set(state.edit, EL_SIGNAL, 1); /* stopped and continued, resized, ended */
    el_set(state.edit, EL_GETCFN, read_key);
    el_set(state.edit, EL_SETTY, "-d", "intr=", NULL);
    bind_keys();
    el_source(state.edit, NULL); /* ~/.editrc */
}

void line_editor_stop(void)
{
    if (!state.edit)
        return;
    el_end(state.edit);
    history_end(state.history);
    state.edit = NULL;
    state.history = NULL;
}

void line_editor_remember(const char *line)
{
    HistEvent event;
    history(state.history, &event, H_ENTER, line);
}

void line_editor_set_hints(bool is_on)
{
    state.has_hints = is_on;
}

char *line_editor_read(const char *prompt)
{
    struct termios before;
    take_terminal(&before);
    state.prompt = prompt;
    state.is_masked = false;
    state.secret_count = 0;
    el_resize(state.edit);
    int size = 0;
    const char *line = el_gets(state.edit, &size);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (!line || size <= 0) {
        printf("\n");
        return NULL;
    }
    size_t length = strcspn(line, "\r\n");
    if (state.is_masked)
        return unmask(line, length);
    char *copy = mem_dup(line, length + 1);
    copy[length] = '\0';
    return copy;
}
