/* See line_input.h.
 *
 * The history file has one line per entry, oldest first, readable for its owner only. Lines are
 * appended, so that several sessions can share it; loading trims it. While a line is edited Ctrl-C
 * is an ordinary key that ends the input, so no signal arrives in the middle of libedit. */
#include "tools/cli/line_input.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "tools/cli/cli.h"
#include <editline/readline.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { HISTORY_MAX = 1000, LINE_MAX_SIZE = 512 * 1024 * 1024, READ_SIZE = 16 * 1024, CTRL_C = 3 };

/* libedit keeps one terminal per process and calls back without a context. */
static struct {
    struct cli *cli;
    struct buffer pending; /* read from a pipe, not yet handed out */
    size_t pending_offset;
    char history_path[4096]; /* "" for none */
    char *last_line;
    size_t completion_index;
    bool completes_group;
    bool is_terminal;
    bool has_hints;
} state;

bool line_input_home_file(char *path, size_t size, const char *variable, const char *name)
{
    const char *chosen = getenv(variable);
    if (chosen && (!chosen[0] || strcmp(chosen, "/dev/null") == 0))
        return false;
    const char *home = getenv("HOME");
    if (!chosen && (!home || !home[0])) {
        const struct passwd *entry = getpwuid(getuid());
        home = entry ? entry->pw_dir : NULL;
    }
    if (!chosen && !home)
        return false;
    int length =
        chosen ? snprintf(path, size, "%s", chosen) : snprintf(path, size, "%s/%s", home, name);
    return length > 0 && (size_t)length < size;
}

/* -- history -- */

/* Keeps the last HISTORY_MAX lines of the file. */
static void load_history(void)
{
    struct buffer text;
    buffer_init(&text, 64 * 1024 * 1024);
    if (file_read(state.history_path, &text) != 0 || !text.data) {
        buffer_deinit(&text);
        return;
    }
    size_t count = 0;
    for (const char *at = text.data; (at = strchr(at, '\n')); at++)
        count++;
    char *rest = text.data;
    for (; count > HISTORY_MAX; count--)
        rest = strchr(rest, '\n') + 1;
    size_t kept_size = text.size - (size_t)(rest - text.data);
    if (rest != text.data && file_write_atomic(state.history_path, rest, kept_size, 0600) != 0)
        fprintf(stderr, "Could not shorten %s\n", state.history_path);
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (line[0])
            add_history(line);
    buffer_deinit(&text);
}

static void append_to_history_file(const char *line)
{
    int fd = open(state.history_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* a read-only home is no reason to complain at each line */
    struct buffer text;
    buffer_init(&text, LINE_MAX_SIZE);
    buffer_append_text(&text, line);
    buffer_append(&text, "\n", 1);
    int error = file_write_all(fd, text.data, text.size);
    if (error != 0)
        state.history_path[0] = '\0';
    buffer_deinit(&text);
    close(fd);
}

void line_input_remember(const char *line)
{
    bool is_repeated = state.last_line && strcmp(state.last_line, line) == 0;
    /* A line of the file is an entry, so an entry must be a line. */
    if (!state.is_terminal || is_repeated || strpbrk(line, "\r\n"))
        return;
    mem_free(state.last_line);
    state.last_line = mem_strdup(line);
    add_history(line);
    if (state.history_path[0])
        append_to_history_file(line);
}

/* -- completion -- */

static char *next_command(const char *prefix, int index)
{
    if (index == 0)
        state.completion_index = 0;
    struct bytes text = bytes_of_text(prefix);
    const char *found =
        help_complete(state.cli, text, state.completion_index++, state.completes_group);
    if (!found)
        return NULL;
    char *copy = mem_strdup(found); /* libedit frees it */
    if (prefix[0] < 'A' || prefix[0] > 'Z')
        text_lower(copy, strlen(copy));
    return copy;
}

/* Shows a command's arguments under the line being edited. */
static void show_syntax(struct bytes name)
{
    const char *syntax = help_syntax_of(state.cli, name);
    if (!syntax || !syntax[0])
        return;
    printf("\n%.*s %s\n", (int)name.size, name.data, syntax);
    fflush(stdout);
    rl_forced_update_display();
}

static char **complete(const char *prefix, int start, int end)
{
    (void)end;
    rl_attempted_completion_over = 1; /* no file names */
    struct bytes line = bytes_of(rl_line_buffer, (size_t)start);
    while (line.size > 0 && line.data[line.size - 1] == ' ')
        line.size--;
    bool is_help = bytes_is(line, "help") || bytes_is(line, "?");
    state.completes_group = is_help && prefix[0] == '@';
    if (line.size == 0 || is_help)
        return rl_completion_matches(prefix, next_command);
    size_t name_size = 0;
    while (name_size < line.size && line.data[name_size] != ' ')
        name_size++;
    if (state.has_hints)
        show_syntax(bytes_of(line.data, name_size));
    return NULL;
}

static int on_ctrl_c(int count, int key)
{
    (void)count;
    (void)key;
    rl_done = 1; /* readline() returns NULL */
    return 0;
}

/* -- life -- */

void line_input_start(struct cli *cli)
{
    state.cli = cli;
    state.is_terminal = isatty(STDIN_FILENO);
    state.has_hints = true;
    buffer_init(&state.pending, LINE_MAX_SIZE);
    if (!state.is_terminal)
        return;
    rl_readline_name = "redis-cli";
    rl_initialize();
    using_history();
    stifle_history(HISTORY_MAX);
    rl_attempted_completion_function = complete;
    static char spaces[] = " \t";
    rl_basic_word_break_characters = spaces;
    rl_completer_word_break_characters = spaces;
    rl_add_defun("end-input", on_ctrl_c, CTRL_C);
    if (line_input_home_file(state.history_path, sizeof(state.history_path), "REDISCLI_HISTFILE",
                             ".rediscli_history"))
        load_history();
    else
        state.history_path[0] = '\0';
}

void line_input_stop(void)
{
    buffer_deinit(&state.pending);
    mem_free(state.last_line);
    state.last_line = NULL;
}

bool line_input_is_terminal(void)
{
    return state.is_terminal;
}

void line_input_set_hints(bool is_on)
{
    state.has_hints = is_on;
}

/* -- reading -- */

static char *read_from_pipe(void)
{
    struct buffer *pending = &state.pending;
    size_t scanned = state.pending_offset;
    for (;;) {
        const char *newline = scanned < pending->size
                                  ? memchr(pending->data + scanned, '\n', pending->size - scanned)
                                  : NULL;
        size_t end = newline ? (size_t)(newline - pending->data) : pending->size;
        bool is_ended = newline != NULL;
        if (!is_ended) {
            scanned = pending->size;
            char *room = buffer_reserve(pending, READ_SIZE);
            ssize_t size = room ? read(STDIN_FILENO, room, READ_SIZE) : 0;
            if (size < 0 && errno == EINTR)
                continue;
            if (size > 0) {
                buffer_commit(pending, (size_t)size);
                continue;
            }
            if (end == state.pending_offset)
                return NULL;
        }
        size_t size = end - state.pending_offset;
        char *line = mem_dup(pending->data + state.pending_offset, size + 1);
        line[size] = '\0';
        state.pending_offset = is_ended ? end + 1 : end;
        if (state.pending_offset == pending->size) {
            buffer_clear(pending);
            state.pending_offset = 0;
        }
        return line;
    }
}

static char *edit_line(const char *prompt)
{
    struct termios before;
    tcgetattr(STDIN_FILENO, &before);
    struct termios quiet = before;
    quiet.c_cc[VINTR] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    char *line = readline(prompt);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (!line)
        printf("\n");
    return line; /* malloc'ed, which mem_free takes as well */
}

char *line_input_read(const char *prompt)
{
    return state.is_terminal ? edit_line(prompt) : read_from_pipe();
}
