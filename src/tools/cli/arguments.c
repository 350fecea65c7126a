/* See arguments.h. */
#include "tools/cli/arguments.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };
static const size_t input_max = (size_t)1 << 30;

static void reserve(struct arguments *arguments, int count)
{
    arguments->count = 0;
    arguments->items = mem_calloc((size_t)count, sizeof(*arguments->items));
}

static void push(struct arguments *arguments, const void *data, size_t size)
{
    char *copy = mem_alloc(size + 1);
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    arguments->items[arguments->count++] = bytes_of(copy, size);
}

static void free_item(struct bytes item)
{
    mem_free((void *)(uintptr_t)item.data);
}

void arguments_deinit(struct arguments *arguments)
{
    for (int i = 0; i < arguments->count; i++)
        free_item(arguments->items[i]);
    mem_free(arguments->items);
    *arguments = (struct arguments){0};
}

/* -- quoting -- */

int arguments_init_line(struct arguments *arguments, const char *line)
{
    int count = 0;
    size_t *sizes = NULL;
    char **words = text_split_args(line, &count, &sizes);
    if (!words)
        return -1;
    reserve(arguments, count + 1);
    for (int i = 0; i < count; i++)
        push(arguments, words[i], sizes[i]);
    text_free_args(words, count);
    mem_free(sizes);
    return 0;
}

int arguments_unquote(const char *text, struct bytes *word)
{
    struct arguments words;
    if (arguments_init_line(&words, text) != 0)
        return -1;
    int result = -1;
    if (words.count == 1) {
        *word = words.items[0];
        words.count = 0;
        result = 0;
    }
    arguments_deinit(&words);
    return result;
}

/* -- standard input -- */

int arguments_read_stdin(struct buffer *out)
{
    for (;;) {
        char *room = buffer_reserve(out, READ_SIZE);
        if (!room) {
            fprintf(stderr, "Standard input is too long for an argument\n");
            return -1;
        }
        ssize_t size = read(STDIN_FILENO, room, READ_SIZE);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            fprintf(stderr, "Reading from standard input: %s\n", strerrordesc_np(errno));
            return -1;
        }
        if (size == 0)
            return 0;
        buffer_commit(out, (size_t)size);
    }
}

static int read_password(int fd, const char *question, char *password, size_t size)
{
    struct termios before;
    bool is_terminal = tcgetattr(fd, &before) == 0;
    if (is_terminal) {
        struct termios hidden = before;
        hidden.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
        tcsetattr(fd, TCSAFLUSH, &hidden);
        fputs(question, stderr);
    }
    size_t length = 0;
    char c;
    while (length + 1 < size && read(fd, &c, 1) == 1 && c != '\n' && c != '\r') {
        bool is_erasing = is_terminal && (c == 127 || c == '\b');
        if (!is_erasing)
            password[length++] = c;
        else if (length > 0)
            length--;
        else
            continue;
        if (is_terminal)
            fputs(is_erasing ? "\b \b" : "*", stderr);
    }
    password[length] = '\0';
    if (is_terminal) {
        fputs("\n", stderr);
        tcsetattr(fd, TCSAFLUSH, &before);
    }
    return 0;
}

int arguments_read_password(const char *question, char *password, size_t size)
{
    return read_password(STDIN_FILENO, question, password, size);
}

int arguments_ask_terminal(const char *question, char *password, size_t size)
{
    int fd = isatty(STDIN_FILENO) ? dup(STDIN_FILENO) : open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = read_password(fd, question, password, size);
    close(fd);
    return result;
}

/* -- the command line -- */

static int push_word(struct arguments *arguments, const char *word, bool is_quoted)
{
    if (!is_quoted) {
        push(arguments, word, strlen(word));
        return 0;
    }
    if (arguments_unquote(word, &arguments->items[arguments->count]) != 0) {
        printf("Invalid quoted string\n");
        return -1;
    }
    arguments->count++;
    return 0;
}

/* -x appends standard input, -X puts it in the tag's place. */
static int take_stdin(struct arguments *arguments, const struct cli_options *options)
{
    int index = arguments->count;
    if (options->stdin_tag) {
        for (index = 0; index < arguments->count; index++)
            if (strcmp(arguments->items[index].data, options->stdin_tag) == 0)
                break;
        if (index == arguments->count) {
            fprintf(stderr, "Using -X option but stdin tag not match.\n");
            return -1;
        }
    }
    struct buffer input;
    buffer_init(&input, input_max);
    if (arguments_read_stdin(&input) != 0) {
        buffer_deinit(&input);
        return -1;
    }
    if (index < arguments->count)
        free_item(arguments->items[index]);
    else
        arguments->count++;
    size_t size = input.size;
    const char *data = size > 0 ? buffer_take(&input) : mem_strdup("");
    buffer_deinit(&input);
    arguments->items[index] = bytes_of(data, size);
    return 0;
}

int arguments_init(struct arguments *arguments, const struct cli_options *options, int argc,
                   char **argv)
{
    reserve(arguments, argc + 1);
    int result = 0;
    for (int i = 0; i < argc && result == 0; i++)
        result = push_word(arguments, argv[i], options->is_input_quoted);
    if (result == 0 && (options->is_last_arg_of_stdin || options->stdin_tag))
        result = take_stdin(arguments, options);
    if (result != 0)
        arguments_deinit(arguments);
    return result;
}

int arguments_init_eval(struct arguments *arguments, const struct cli_options *options, int argc,
                        char **argv)
{
    struct buffer script;
    buffer_init(&script, input_max);
    int error = file_read(options->mode_text, &script);
    if (error != 0) {
        fprintf(stderr, "Can't open file '%s': %s\n", options->mode_text, strerrordesc_np(-error));
        buffer_deinit(&script);
        return -1;
    }
    int key_count = 0;
    while (key_count < argc && strcmp(argv[key_count], ",") != 0)
        key_count++;
    char number[NUMBER_I64_TEXT_MAX];
    size_t number_size = number_format_i64(number, key_count);
    reserve(arguments, argc + 4);
    push(arguments, "EVAL", 4);
    push(arguments, script.data, script.size);
    push(arguments, number, number_size);
    buffer_deinit(&script);
    int result = 0;
    for (int i = 0; i < argc && result == 0; i++)
        if (i != key_count)
            result = push_word(arguments, argv[i], options->is_input_quoted);
    if (result == 0 && options->is_last_arg_of_stdin)
        result = take_stdin(arguments, options);
    if (result != 0)
        arguments_deinit(arguments);
    return result;
}
