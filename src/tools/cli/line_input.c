/* See line_input.h.
 *
 * The history file has one line per entry, oldest first, readable for its owner only. Lines are
 * appended, so that several sessions can share it; loading trims it. */
#include "tools/cli/line_input.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "tools/cli/line_editor.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { HISTORY_MAX = 1000, LINE_MAX_SIZE = 512 * 1024 * 1024, READ_SIZE = 16 * 1024 };

/* A process has one standard input. */
static struct {
    struct buffer pending; /* read from a pipe, not yet handed out */
    size_t pending_offset;
    char history_path[4096]; /* "" for none */
    char *last_line;
    bool is_terminal;
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
            line_editor_remember(line);
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
    line_editor_remember(line);
    if (state.history_path[0])
        append_to_history_file(line);
}

/* -- life -- */

void line_input_start(struct cli *cli)
{
    state.is_terminal = isatty(STDIN_FILENO);
    buffer_init(&state.pending, LINE_MAX_SIZE);
    if (!state.is_terminal)
        return;
    line_editor_start(cli, HISTORY_MAX);
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
    line_editor_stop();
}

bool line_input_is_terminal(void)
{
    return state.is_terminal;
}

void line_input_set_hints(bool is_on)
{
    line_editor_set_hints(is_on);
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

char *line_input_read(const char *prompt)
{
    return state.is_terminal ? line_editor_read(prompt) : read_from_pipe();
}
