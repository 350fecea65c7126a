/* INFO cpu. */
#include <inttypes.h>
#include <sys/resource.h>

#include "observability/info_internal.h"

static void write_time(struct buffer *out, const char *name, struct timeval time)
{
    buffer_printf(out, "%s:%ld.%06ld\r\n", name, (long)time.tv_sec, (long)time.tv_usec);
}

static void write_cpu(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    struct rusage self = {0};
    struct rusage children = {0};
    struct rusage main_thread = {0};
    struct info_io io = {0};
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    getrusage(RUSAGE_THREAD, &main_thread);
    if (sources->io)
        sources->io(sources->context, &io);
    write_time(out, "used_cpu_sys", self.ru_stime);
    write_time(out, "used_cpu_user", self.ru_utime);
    write_time(out, "used_cpu_sys_children", children.ru_stime);
    write_time(out, "used_cpu_user_children", children.ru_utime);
    write_time(out, "used_cpu_sys_main_thread", main_thread.ru_stime);
    write_time(out, "used_cpu_user_main_thread", main_thread.ru_utime);
    buffer_printf(out, "used_active_time_main_thread:%" PRIu64 ".%06" PRIu64 "\r\n",
                  io.main_busy_us / 1000000, io.main_busy_us % 1000000);
    if (io.write_thread_times)
        io.write_thread_times(sources->context, out);
}

INFO_SECTION(info_cpu_section, "cpu", "CPU", INFO_EVERYWHERE, 70, write_cpu);
