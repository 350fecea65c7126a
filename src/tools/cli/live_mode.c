/* --live (and --top without a number): a full-screen view of a server's load. On a terminal it is
 * drawn each second until q; elsewhere one page is printed (-r: more).
 *
 * The terminal is given back whatever ends the process: by atexit for exits, by signal handlers
 * that do what is allowed in one. */
#include "base/clock.h"
#include "base/memory.h"
#include "tools/cli/cli.h"
#include "tools/cli/live_screen.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Taking a list of very many clients is work for the server: that is done less often. */
enum { MANY_CLIENTS = 5000, MANY_CLIENTS_PERIOD = 5, PAGE_SIZE_MAX = 1024 * 1024 };

/* Signal handlers get no argument. */
static struct {
    struct termios before;
    sig_atomic_t is_taken; /* the terminal is ours */
    sig_atomic_t is_ended; /* a signal asked to end */
    struct sync_client *client;
} screen_state;

static const char enter_screen[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
static const char leave_screen[] = "\x1b[?25h\x1b[?1049l";

/* -- the terminal -- */

static void give_back_terminal(void)
{
    if (!screen_state.is_taken)
        return;
    screen_state.is_taken = 0;
    ssize_t size = write(STDOUT_FILENO, leave_screen, sizeof(leave_screen) - 1);
    (void)size;
    tcsetattr(STDIN_FILENO, TCSANOW, &screen_state.before);
}

static void on_end_signal(int signal_number)
{
    (void)signal_number;
    screen_state.is_ended = 1;
    sync_client_interrupt(screen_state.client);
}

static void on_crash(int signal_number)
{
    give_back_terminal();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void on_resize(int signal_number)
{
    (void)signal_number; /* it ends the wait for a key, which is all */
}

static void install(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    int result = sigaction(signal_number, &action, NULL);
    assert(result == 0);
}

static void take_terminal(struct sync_client *client)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    screen_state.client = client;
    tcgetattr(STDIN_FILENO, &screen_state.before);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        install(ends[i], on_end_signal);
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
        install(crashes[i], on_crash);
    install(SIGWINCH, on_resize);
    atexit(give_back_terminal);
    struct termios raw = screen_state.before;
    raw.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    screen_state.is_taken = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs(enter_screen, stdout);
    fflush(stdout);
}

static struct live_screen measure(bool is_terminal)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return (struct live_screen){.width = is_known ? size.ws_col : 80,
                                .height = is_known ? size.ws_row : 24,
                                .is_coloured = is_terminal};
}

/* Waits for a key until then. True when it ends the view. */
static bool is_ended_by_key(int64_t until_us)
{
    int64_t left_us = until_us - clock_read_us();
    struct pollfd watch = {.fd = STDIN_FILENO, .events = POLLIN};
    int result = poll(&watch, 1, left_us > 0 ? (int)(left_us / 1000) + 1 : 0);
    if (screen_state.is_ended)
        return true;
    if (result <= 0)
        return false;
    char key;
    ssize_t size = read(STDIN_FILENO, &key, 1);
    return size <= 0 || key == 'q' || key == 'Q';
}

/* -- looking -- */

/* False when there was no reply; an error reply ends the process. */
static bool look(struct cli *cli, struct live_figures *figures, unsigned turn)
{
    const char *info_words[] = {"INFO", "EVERYTHING"};
    const char *list_words[] = {"CLIENT", "LIST"};
    struct reply_value *info = sync_client_ask(cli->client, info_words, 2);
    if (!info)
        return false;
    if (info->type == REPLY_ERROR) {
        give_back_terminal();
        fprintf(stderr, "ERROR: %s\n", info->text.data);
        exit(1);
    }
    cli->reply_count++;
    live_figures_take_info(figures, info->text.data ? info->text.data : "", clock_read_us());
    reply_value_free(info);
    if (figures->clients > MANY_CLIENTS && turn % MANY_CLIENTS_PERIOD != 0)
        return true;
    struct reply_value *list = sync_client_ask(cli->client, list_words, 2);
    if (list && list->type != REPLY_ERROR && list->text.data)
        live_figures_take_clients(figures, list->text.data);
    bool is_answered = list != NULL;
    reply_value_free(list);
    return is_answered;
}

static void draw(const struct cli *cli, const struct live_figures *figures, bool is_terminal)
{
    char target[CLI_PROMPT_MAX];
    char now_text[16] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts))
        strftime(now_text, sizeof(now_text), "%H:%M:%S", &parts);
    cli_format_target(cli, target, sizeof(target));
    struct live_screen screen = measure(is_terminal);
    struct buffer out;
    buffer_init(&out, PAGE_SIZE_MAX);
    buffer_append_text(&out, is_terminal ? "\x1b[H" : "");
    live_screen_draw(&out, &screen, figures, target, now_text);
    buffer_append_text(&out, is_terminal ? "" : "\n");
    fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
    buffer_deinit(&out);
}

/* The reason is written over the page; the next page replaces it. */
static void try_again(struct cli *cli)
{
    if (screen_state.is_ended)
        return;
    printf("\x1b[H\x1b[J");
    printf("The connection is lost: trying again. q quits.\r\n\n");
    fflush(stdout);
    if (cli_connect(cli) != 0)
        fprintf(stderr, "\r\n");
}

/* -- the mode -- */

static void run_on_terminal(struct cli *cli, struct live_figures *figures, int64_t interval_us)
{
    take_terminal(cli->client);
    for (unsigned turn = 0; !screen_state.is_ended; turn++) {
        int64_t next_us = clock_read_us() + interval_us;
        bool is_answered = sync_client_is_connected(cli->client) && look(cli, figures, turn);
        if (is_answered)
            draw(cli, figures, true);
        else
            try_again(cli);
        /* The first page has no rates yet: they follow soon. */
        if (turn == 0)
            next_us -= interval_us * 3 / 4;
        if (is_ended_by_key(next_us))
            break;
    }
    give_back_terminal();
}

static int print_pages(struct cli *cli, struct live_figures *figures, int64_t interval_us)
{
    int64_t pages = cli->options.repeat;
    for (unsigned turn = 0; pages != 0; turn++) {
        if (!look(cli, figures, turn)) {
            cli_print_error(cli);
            return 1;
        }
        if (turn > 0) {
            draw(cli, figures, false);
            pages -= pages > 0;
        }
        if (pages != 0)
            sync_client_pause(cli->client, interval_us);
    }
    return 0;
}

int live_mode(struct cli *cli)
{
    struct live_figures *figures = mem_calloc(1, sizeof(*figures));
    double interval_s = cli->options.interval_s > 0 ? cli->options.interval_s : 1;
    int64_t interval_us = (int64_t)(interval_s * 1e6);
    int code = 0;
    cli_require_connection(cli);
    if (isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
        run_on_terminal(cli, figures, interval_us);
    else
        code = print_pages(cli, figures, interval_us);
    live_figures_deinit(figures);
    mem_free(figures);
    return code;
}
