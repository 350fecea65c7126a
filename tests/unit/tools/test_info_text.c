/* Reading INFO, and what the live view makes of it. */
#include "tools/cli/info_text.c"
#include "tools/cli/live_figures.c"
#include "tools/cli/live_screen.c"

#include <criterion/criterion.h>

static const char first[] =
    "# Server\r\nserver_name:sluice\r\nsluice_version:0.1.0\r\nuptime_in_seconds:90061\r\n"
    "# Stats\r\ntotal_commands_processed:100\r\nkeyspace_hits:10\r\nkeyspace_misses:10\r\n"
    "# CPU\r\nused_cpu_user_main_thread:1.500000\r\nused_cpu_sys_main_thread:0.500000\r\n"
    "# Threads\r\nio_thread_0:clients=1,busy_us=5\r\nio_thread_1:clients=2,busy_us=100000\r\n"
    "# Commandstats\r\ncmdstat_get:calls=10,usec=100,usec_per_call=10.00\r\n"
    "cmdstat_config|get:calls=1,usec=50,usec_per_call=50.00\r\n"
    "# Keyspace\r\ndb0:keys=3,expires=1\r\ndb11:keys=4,expires=0\r\n";
static const char second[] =
    "server_name:sluice\r\nsluice_version:0.1.0\r\ntotal_commands_processed:300\r\n"
    "keyspace_hits:19\r\nkeyspace_misses:11\r\nused_cpu_user_main_thread:2.000000\r\n"
    "used_cpu_sys_main_thread:0.500000\r\nio_thread_0:clients=1,busy_us=5\r\n"
    "io_thread_1:clients=2,busy_us=350000\r\ncmdstat_get:calls=110,usec=2100,usec_per_call=19."
    "09\r\n"
    "cmdstat_config|get:calls=1,usec=50,usec_per_call=50.00\r\n";

static const char clients[] =
    "id=1 addr=127.0.0.1:1 name= tot-mem=10 cmd=get tls=TLSv1.3,TLS_A,full cert=\n"
    "id=2 addr=127.0.0.1:2 name=big tot-mem=4096 cmd=set tls=TLSv1.3,TLS_A,resumed cert=x\n"
    "id=3 addr=127.0.0.1:3 name= tot-mem=100 cmd=NULL tls=TLSv1.2,OLD,full cert=\n"
    "id=4 addr=127.0.0.1:4 name= tot-mem=0 cmd=ping tls= cert=\n";

Test(info_text, finds_fields)
{
    cr_assert_eq(info_number(first, "total_commands_processed"), 100);
    cr_assert_eq(info_number(first, "total_commands"), 0);
    cr_assert_eq(info_number(first, "server_name"), 0);
    cr_assert_null(info_field(first, "processed").data);
    cr_assert(bytes_is(info_field(first, "server_name"), "sluice"));
    cr_assert_float_eq(info_decimal(first, "used_cpu_user_main_thread"), 1.5, 1e-9);
    cr_assert_eq(info_part(info_field(first, "io_thread_1"), "busy_us"), 100000);
    cr_assert_eq(info_part(info_field(first, "io_thread_1"), "busy"), 0);
    cr_assert_eq(info_key_count(first), 7);
    cr_assert_eq(info_key_count(""), 0);
}

Test(info_text, memory_has_units)
{
    char text[32];
    info_format_memory(text, sizeof(text), 1023);
    cr_assert_str_eq(text, "1023B");
    info_format_memory(text, sizeof(text), 1536);
    cr_assert_str_eq(text, "1.50K");
    info_format_memory(text, sizeof(text), (int64_t)5 << 40);
    cr_assert_str_eq(text, "5120.00G");
}

Test(live_figures, rates_are_differences)
{
    struct live_figures figures = {.keys = 0};
    live_figures_take_info(&figures, first, 1000000);
    cr_assert_eq(live_rate(&figures, figures.now.commands, figures.before.commands), 0);
    cr_assert_float_eq(figures.commands[0].us_per_call, 50, 1e-9);
    live_figures_take_info(&figures, second, 1500000);
    cr_assert_float_eq(live_rate(&figures, figures.now.commands, figures.before.commands), 400,
                       1e-9);
    /* A reset is no negative rate. */
    cr_assert_eq(live_rate(&figures, 1, 2), 0);
    /* The command in use comes first, although the other one was slower once. */
    cr_assert_str_eq(figures.commands[0].name, "get");
    cr_assert_float_eq(figures.commands[0].us_per_call, 20, 1e-9);
    cr_assert_float_eq(figures.commands[0].calls_per_s, 200, 1e-9);
    cr_assert_str_eq(figures.commands[1].name, "config get");
    live_figures_deinit(&figures);
}

Test(live_figures, clients_by_memory_and_kind)
{
    struct live_figures figures = {.keys = 0};
    live_figures_take_clients(&figures, clients);
    cr_assert_eq(figures.biggest_count, 4);
    cr_assert_str_eq(figures.biggest[0].name, "big");
    cr_assert_eq(figures.biggest[0].memory, 4096);
    cr_assert_str_eq(figures.biggest[1].name, "127.0.0.1:3");
    cr_assert_str_eq(figures.biggest[3].command, "ping");
    cr_assert_eq(figures.plain_count, 1);
    cr_assert_str_eq(figures.protocols[0].name, "TLSv1.3");
    cr_assert_eq(figures.protocols[0].count, 2);
    cr_assert_str_eq(figures.ciphers[1].name, "OLD");
    /* More than there is room for: the biggest stay. */
    struct buffer list;
    buffer_init(&list, 1 << 20);
    for (int i = 0; i < 3 * LIVE_ROWS_MAX; i++)
        buffer_printf(&list, "id=%d addr=a tot-mem=%d cmd=get\n", i, i * 37 % 96);
    live_figures_take_clients(&figures, list.data);
    buffer_deinit(&list);
    cr_assert_eq(figures.biggest_count, LIVE_ROWS_MAX);
    for (int i = 0; i < LIVE_ROWS_MAX; i++)
        cr_assert_eq(figures.biggest[i].memory, 95 - i);
}

/* The lines of a page; checks that none is too wide. */
static int draw(const struct live_figures *figures, int width, int height, char *text, size_t size)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    const struct live_screen screen = {.width = width, .height = height};
    live_screen_draw(&out, &screen, figures, "host:1", "12:00:00");
    text_copy(text, size, out.data);
    buffer_deinit(&out);
    int lines = 1;
    int columns = 0;
    for (const char *at = text; *at; at++) {
        columns = *at == '\n' ? 0 : columns + 1;
        lines += *at == '\n';
        cr_assert_leq(columns, width);
    }
    return lines;
}

Test(live_screen, fits_whatever_the_screen)
{
    static char text[65536];
    struct live_figures figures = {.keys = 0};
    live_figures_take_info(&figures, first, 1000000);
    live_figures_take_info(&figures, second, 1500000);
    live_figures_take_clients(&figures, clients);
    draw(&figures, 80, 24, text, sizeof(text));
    cr_assert_not_null(strstr(text, "Throughput   400 ops/s"), "%s", text);
    cr_assert_not_null(strstr(text, "hit rate 90.0%"), "%s", text);
    cr_assert_not_null(strstr(text, "main  100.0% ||||||||||"), "%s", text);
    cr_assert_not_null(strstr(text, "io-1   50.0% |||||....."), "%s", text);
    cr_assert_not_null(strstr(text, "plain 1   TLSv1.3 2   TLSv1.2 1"), "%s", text);
    figures.now.thread_count = LIVE_THREADS_MAX;
    for (int width = 1; width < 300; width += 7)
        for (int height = 1; height < 80; height += 3)
            cr_assert_leq(draw(&figures, width, height, text, sizeof(text)), height);
    cr_assert_not_null(strstr(text, "Biggest clients"));
    live_figures_deinit(&figures);
}
