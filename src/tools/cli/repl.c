/* The interactive mode: lines from a terminal (edited, remembered) or from a pipe or file (one
 * command each). Words that are not commands of the server are handled here: quit, connect, clear,
 * :set. */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "tools/cli/arguments.h"
#include "tools/cli/cli.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/line_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { SLOW_COMMAND_MS = 500, PREFERENCES_SIZE_MAX = 64 * 1024 };

#define COLOUR_GREY  "\033[1;90m"
#define COLOUR_NONE  "\033[0m"
#define WAITING_TEXT "Reading messages... (press Ctrl-C to quit or any key to type command)"

enum repl_state { REPL_GOES_ON, REPL_ENDS };

/* -- preferences: ":set hints" and the file of them -- */

static void set_preference(const struct arguments *words, bool is_from_user)
{
    struct bytes first = words->items[0];
    struct bytes value = words->count > 1 ? words->items[1] : bytes_of("", 0);
    if (!bytes_is(first, ":set") || words->count < 2) {
        printf("%sunknown redis-cli internal command '%s'\n",
               is_from_user ? "" : ".redisclirc: ", first.data);
    } else if (bytes_is(value, "hints")) {
        line_input_set_hints(true);
    } else if (bytes_is(value, "nohints")) {
        line_input_set_hints(false);
    } else {
        printf("%sunknown redis-cli preference '%.*s'\n",
               is_from_user ? "" : ".redisclirc: ", (int)value.size, value.data);
    }
}

static void load_preferences(void)
{
    char path[4096];
    if (!line_input_home_file(path, sizeof(path), "REDISCLI_RCFILE", ".redisclirc"))
        return;
    struct buffer text;
    buffer_init(&text, PREFERENCES_SIZE_MAX);
    if (file_read(path, &text) == 0 && text.data) {
        char *rest = text.data;
        for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
            struct arguments words;
            if (arguments_init_line(&words, line) != 0)
                continue;
            if (words.count > 0)
                set_preference(&words, false);
            arguments_deinit(&words);
        }
    }
    buffer_deinit(&text);
}

/* -- lines -- */

/* Passwords are not kept in the history. */
static bool is_sensitive(struct bytes name, const struct arguments *words, int first)
{
    int count = words->count - first;
    struct bytes second = count > 1 ? words->items[first + 1] : bytes_of("", 0);
    if (bytes_is(name, "auth"))
        return true;
    if (bytes_is(name, "acl"))
        return bytes_is(second, "setuser") || bytes_is(second, "deluser");
    if (bytes_is(name, "config") && bytes_is(second, "set")) {
        static const char *const secrets[] = {"masterauth",
                                              "masteruser",
                                              "primaryauth",
                                              "primaryuser",
                                              "requirepass",
                                              "tls-key-file-pass",
                                              "tls-client-key-file-pass"};
        for (int i = first + 2; i < words->count; i += 2)
            for (size_t k = 0; k < sizeof(secrets) / sizeof(secrets[0]); k++)
                if (bytes_is(words->items[i], secrets[k]))
                    return true;
        return false;
    }
    bool takes_login = bytes_is(name, "hello") || bytes_is(name, "migrate");
    for (int i = first + 1; takes_login && i < words->count; i++)
        if (bytes_is(words->items[i], "auth") || bytes_is(words->items[i], "auth2"))
            return true;
    return false;
}

/* A number in front repeats the command: 1 when there was one, 0 without, -1 when it is no good. */
static int take_repeat(const struct arguments *words, int64_t *repeat)
{
    const char *text = words->items[0].data;
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    size_t size = strspn(digits, "0123456789");
    if (words->count < 2 || size == 0 || digits[size])
        return 0;
    struct bytes number = bytes_of_text(text[0] == '+' ? digits : text);
    return number_parse_i64(number, repeat) && *repeat > 0 ? 1 : -1;
}

static void run_command(struct cli *cli, const struct arguments *words, int first, int64_t repeat)
{
    int64_t start_us = clock_read_us();
    if (cli_run(cli, words->count - first, words->items + first, repeat) != 0)
        cli->has_failed = true;
    int64_t elapsed_ms = (clock_read_us() - start_us) / 1000;
    if (elapsed_ms >= SLOW_COMMAND_MS && cli->options.output == OUTPUT_STANDARD)
        printf("(%.2fs)\n", (double)elapsed_ms / 1000);
}

static void connect_elsewhere(struct cli *cli, const struct arguments *words)
{
    int64_t port;
    if (!number_parse_i64(words->items[2], &port) || port < 0 || port > 65535) {
        printf("Invalid port\n");
        return;
    }
    cli_set_target(cli, words->items[1].data, (int)port);
    if (cli_connect(cli) != 0)
        cli->has_failed = true;
}

static enum repl_state run_words(struct cli *cli, const struct arguments *words, const char *line)
{
    int64_t repeat = 1;
    int first = take_repeat(words, &repeat);
    if (first < 0) {
        printf("Invalid redis-cli repeat command option value.\n");
        return REPL_GOES_ON;
    }
    struct bytes name = words->items[first];
    if (!is_sensitive(name, words, first))
        line_input_remember(line);
    if (bytes_is(name, "quit") || bytes_is(name, "exit"))
        return REPL_ENDS;
    if (name.data[0] == ':')
        set_preference(words, true);
    else if (bytes_is(name, "restart"))
        printf("Use 'restart' only in Lua debugging mode.\n");
    else if (words->count == 3 && bytes_is(name, "connect"))
        connect_elsewhere(cli, words);
    else if (words->count == 1 && bytes_is(name, "clear"))
        printf("\033[H\033[2J");
    else
        run_command(cli, words, first, repeat);
    return REPL_GOES_ON;
}

static enum repl_state run_line(struct cli *cli, const char *line)
{
    struct arguments words;
    enum repl_state state = REPL_GOES_ON;
    if (arguments_init_line(&words, line) != 0) {
        printf("Invalid argument(s)\n");
        line_input_remember(line);
        return state;
    }
    if (words.count > 0)
        state = run_words(cli, &words, line);
    arguments_deinit(&words);
    fflush(stdout);
    return state;
}

/* -- messages of subscriptions, between commands -- */

/* Keys are to be noticed at once, not at the end of a line. */
static void set_key_by_key(struct termios *before, bool is_on)
{
    if (!is_on) {
        tcsetattr(STDIN_FILENO, TCSANOW, before);
        return;
    }
    tcgetattr(STDIN_FILENO, before);
    struct termios raw = *before;
    raw.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* Prints what arrives until a key is pressed; an interrupt leaves the subscriptions. */
static void watch_subscriptions(struct cli *cli)
{
    if (!line_input_is_terminal())
        return;
    struct termios before;
    const char *terminal = getenv("TERM");
    bool is_coloured = terminal && strstr(terminal, "xterm");
    if (cli->options.output == OUTPUT_STANDARD)
        cli->waiting_text = is_coloured ? COLOUR_GREY WAITING_TEXT COLOUR_NONE : WAITING_TEXT;
    set_key_by_key(&before, true);
    interrupts_wake(cli->client);
    cli_print_messages(cli, STDIN_FILENO);
    interrupts_exit();
    fflush(stdout);
    cli->waiting_text = NULL;
    set_key_by_key(&before, false);
}

/* The end of input leaves subscriptions first, then the program. */
static bool is_end(struct cli *cli)
{
    bool leaves_subscriptions = cli->is_subscribed && line_input_is_terminal();
    return !leaves_subscriptions || cli_connect(cli) != 0;
}

/* Subscribed with no more commands to come: what is left to do is reading. */
static void drain_subscriptions(struct cli *cli)
{
    while (cli->is_subscribed && !line_input_is_terminal())
        if (!cli_print_messages(cli, -1))
            return;
}

int repl_run(struct cli *cli)
{
    cli->is_interactive = true;
    interrupts_exit();
    line_input_start(cli);
    if (line_input_is_terminal())
        load_preferences();
    if (cli_connect(cli) != 0)
        cli->has_failed = true;
    enum repl_state state = REPL_GOES_ON;
    while (state == REPL_GOES_ON) {
        char prompt[CLI_PROMPT_MAX] = "not connected> ";
        if (sync_client_is_connected(cli->client))
            cli_format_prompt(cli, prompt);
        char *line = line_input_read(prompt);
        if (!line && is_end(cli))
            break;
        if (line)
            state = run_line(cli, line);
        mem_free(line);
        if (state == REPL_GOES_ON && cli->is_subscribed)
            watch_subscriptions(cli);
    }
    if (state == REPL_GOES_ON)
        drain_subscriptions(cli);
    bool is_scripted = !line_input_is_terminal();
    line_input_stop();
    return is_scripted && cli->has_failed ? 1 : 0;
}
