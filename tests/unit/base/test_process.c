/* What the operator sees: title, pidfile, limits, notifications, processor lists, control groups.
 */
#include "base/clock.h"
#include "base/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process_internal.h"

static char folder[64];

static void start(void)
{
    log_set_level(LOG_NOTHING_);
    snprintf(folder, sizeof folder, "/tmp/sluice-process-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void stop(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(process, .init = start, .fini = stop);

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    cr_assert_eq(file_write_atomic(path, text, strlen(text), 0600), 0);
}

Test(process, pidfile)
{
    char path[96];
    snprintf(path, sizeof path, "%s/pid", folder);
    cr_assert_eq(process_write_pidfile(path), 0);
    struct buffer text;
    buffer_init(&text, 100);
    cr_assert_eq(file_read(path, &text), 0);
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    cr_assert_str_eq(text.data, expected);
    buffer_deinit(&text);
    process_remove_pidfile(path);
    cr_assert_eq(access(path, F_OK), -1);
    process_remove_pidfile(NULL);
    cr_assert_eq(process_write_pidfile("/nonexistent/pid"), -ENOENT);
}

/* A copy of what the kernel lays out: arguments, then the environment, in one piece. */
Test(process, title_takes_the_room_of_arguments_and_environment)
{
    static char area[] = "prog\0-x\0A=1\0LONG=0123456789\0elsewhere";
    char *argv[] = {area, area + 5, NULL};
    char *variables[] = {area + 8, area + 12, NULL};
    extern char **environ;
    char **saved = environ;
    environ = variables;
    process_title_init(2, argv);
    cr_assert_neq(environ, variables);
    cr_assert_str_eq(getenv("A"), "1");
    process_set_title("redis-server *:6379");
    cr_assert_str_eq(area, "redis-server *:6379");
    cr_assert_str_eq(getenv("LONG"), "0123456789");
    process_set_title("short");
    cr_assert_str_eq(area, "short");
    cr_assert_eq(area[10], '\0');
    process_set_title("a title that is longer than all the room that there is for it");
    cr_assert_eq(strlen(area), 27);
    cr_assert_str_eq(area + 28, "elsewhere");
    environ = saved;
}

Test(process, raises_files_within_the_limit)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(process_raise_files(200), 200);
    getrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_eq(limit.rlim_cur, 200);
    cr_assert_eq(process_raise_files(150), 200);
}

Test(process, wanting_a_processor_is_counted)
{
    uint64_t before_us = process_wanted_us();
    if (access("/proc/thread-self/schedstat", R_OK) != 0)
        return;
    /* The scheduler adds up at its ticks, so the count lags behind by some milliseconds. */
    int64_t begin_us = clock_read_us();
    uint64_t wanted_us = 0;
    while (wanted_us < 20000 && clock_read_us() < begin_us + 5000000)
        wanted_us = process_wanted_us() - before_us;
    cr_assert_geq(wanted_us, 20000, "%llu", (unsigned long long)wanted_us);
    cr_assert_geq(clock_read_us() - begin_us, 15000);
}

/* A datagram socket at `name` ('@' first: abstract). */
static int bind_datagrams(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, address_size), 0);
    return fd;
}

/* The datagram that came is `expected`; "": none came. */
static void check_datagram(int fd, const char *expected)
{
    char message[64] = "";
    ssize_t got = recv(fd, message, sizeof message - 1, 0);
    cr_assert_eq(got, expected[0] ? (ssize_t)strlen(expected) : -1);
    cr_assert_str_eq(message, expected);
}

Test(process, oom_score)
{
    int base = 5000;
    cr_assert_eq(process_oom_score(&base), 0);
    cr_assert(base >= -1000 && base <= 1000);
    int score = 0;
    cr_assert_eq(process_set_oom_score(1000), 0);
    cr_assert_eq(process_oom_score(&score), 0);
    cr_assert_eq(score, 1000);
    cr_assert_eq(process_set_oom_score(1001), -EINVAL);
}

Test(process, supervision_modes)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("UPSTART_JOB");
    cr_assert_null(process_supervisor("no"));
    cr_assert_null(process_supervisor("auto"));
    cr_assert_null(process_supervisor("systemd"));
    setenv("NOTIFY_SOCKET", "/nosuch/socket", 1);
    cr_assert_null(process_supervisor("systemd"));
    char path[96];
    snprintf(path, sizeof path, "%s/systemd", folder);
    int fd = bind_datagrams(path);
    setenv("NOTIFY_SOCKET", path, 1);
    cr_assert_null(process_supervisor("no"));
    cr_assert_null(process_supervisor("upstart"));
    check_datagram(fd, "");
    cr_assert_str_eq(process_supervisor("auto"), "systemd");
    check_datagram(fd, "STATUS=Redis is loading...\n");
    cr_assert_str_eq(process_supervisor("SystemD"), "systemd");
    check_datagram(fd, "STATUS=Redis is loading...\n");
    close(fd);
}

Test(process, upstart_sees_the_process_stop)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("UPSTART_JOB", "job", 1);
        const char *supervisor = process_supervisor("upstart");
        _exit(supervisor && strcmp(supervisor, "upstart") == 0 && !getenv("UPSTART_JOB") ? 7 : 8);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
    cr_assert(WIFSTOPPED(status));
    kill(child, SIGCONT);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(WEXITSTATUS(status), 7);
}

static void check_notify(const char *name)
{
    int fd = bind_datagrams(name);
    setenv("NOTIFY_SOCKET", name, 1);
    cr_assert_eq(process_notify("READY=1\n"), 1);
    check_datagram(fd, "READY=1\n");
    close(fd);
}

Test(process, notifies)
{
    char path[96];
    snprintf(path, sizeof path, "%s/notify", folder);
    check_notify(path);
    snprintf(path, sizeof path, "@sluice-notify-%d", (int)getpid());
    check_notify(path);
    cr_assert_eq(process_notify("nobody listens any more"), -ECONNREFUSED);
    setenv("NOTIFY_SOCKET", "relative", 1);
    cr_assert_eq(process_notify("ignored"), -EINVAL);
    unsetenv("NOTIFY_SOCKET");
    cr_assert_eq(process_notify("ignored"), 0);
}

Test(process, daemon_is_a_session_of_its_own)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int result = process_daemonize();
        pid_t facts[3] = {result, getsid(0) == getpid(), getpid()};
        (void)!write(ends[1], facts, sizeof facts);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), 0);
    close(ends[1]);
    pid_t facts[3];
    cr_assert_eq(read(ends[0], facts, sizeof facts), (ssize_t)sizeof facts);
    cr_assert_eq(facts[0], 0);
    cr_assert_eq(facts[1], 1);
    cr_assert_neq(facts[2], child);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

Test(process, closed_standard_streams_become_null)
{
    pid_t child = fork();
    if (child == 0) {
        close(STDIN_FILENO);
        close(STDERR_FILENO);
        process_open_standard_streams();
        bool is_done = is_open(STDIN_FILENO) && is_open(STDERR_FILENO);
        int next = open("/dev/null", O_RDONLY);
        process_open_standard_streams();
        is_done = is_done && next > STDERR_FILENO && !is_open(next + 1) &&
                  write(STDERR_FILENO, "x", 1) == 1;
        _exit(is_done ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
}

Test(process, becomes_a_user_for_good)
{
    cr_assert(process_has_user("root"));
    cr_assert_not(process_has_user("no such user"));
    cr_assert_eq(process_become_user("no such user"), -ENOENT);
    if (geteuid() != 0) {
        cr_assert_not(process_is_user("root"));
        cr_assert_eq(process_become_user("root"), -EPERM);
        return;
    }
    cr_assert(process_is_user("root"));
    if (!process_has_user("nobody"))
        return;
    pid_t child = fork();
    if (child == 0) {
        gid_t groups[64];
        bool is_done = process_become_user("nobody") == 0 && process_is_user("nobody") &&
                       getuid() == geteuid() && getegid() != 0 && getgid() == getegid();
        int count = getgroups(64, groups);
        for (int i = 0; i < count; i++)
            is_done = is_done && groups[i] != 0;
        is_done = is_done && count >= 0 && setuid(0) != 0 && seteuid(0) != 0;
        is_done = is_done && prctl(PR_GET_DUMPABLE) == 1 && process_become_user("root") == -EPERM;
        _exit(is_done ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
}

static int count_cpus(const char *list)
{
    cpu_set_t set;
    int result = process_parse_cpulist(list, &set);
    return result < 0 ? result : CPU_COUNT(&set);
}

Test(process, processor_lists)
{
    cpu_set_t set;
    cr_assert_eq(process_parse_cpulist("0-6:2,9", &set), 0);
    cr_assert_eq(CPU_COUNT(&set), 5);
    cr_assert(CPU_ISSET(0, &set) && CPU_ISSET(4, &set) && CPU_ISSET(9, &set));
    cr_assert_not(CPU_ISSET(1, &set));
    cr_assert_eq(count_cpus(""), 0);
    cr_assert_eq(count_cpus("0"), 1);
    cr_assert_eq(count_cpus("0-3, 8"), 5);
    cr_assert_eq(count_cpus("1,1,1"), 1);
    static const char *const bad[] = {"a",    "3-1",  "1-",  "-1",  "0-3:0",
                                      "0-3:", "1024", "0;1", "0x1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(process_check_cpulist(bad[i]), -EINVAL, "%s", bad[i]);
}

Test(process, affinity_is_set)
{
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    int first = 0;
    while (!CPU_ISSET(first, &before))
        first++;
    char list[16];
    snprintf(list, sizeof list, "%d", first);
    cr_assert_eq(process_set_cpulist(list), 0);
    cpu_set_t now;
    sched_getaffinity(0, sizeof now, &now);
    cr_assert_eq(CPU_COUNT(&now), 1);
    cr_assert(CPU_ISSET(first, &now));
    cr_assert_eq(process_set_cpulist(""), 0);
    cr_assert_eq(process_set_cpulist("1023"), -EINVAL);
}

static uint64_t group_limit(void)
{
    char groups[96];
    snprintf(groups, sizeof groups, "%s/groups", folder);
    return process_group_memory_limit(groups, folder);
}

Test(process, groups_of_version_2)
{
    cr_assert_eq(group_limit(), UINT64_MAX);
    write_file("groups", "0::/a/b\n");
    cr_assert_eq(group_limit(), UINT64_MAX);
    write_file("a/b/memory.max", "max\n");
    cr_assert_eq(group_limit(), UINT64_MAX);
    write_file("a/b/memory.max", "5000000\n");
    cr_assert_eq(group_limit(), 5000000);
    write_file("a/memory.max", "4000000\n"); /* a parent's limit holds as well */
    cr_assert_eq(group_limit(), 4000000);
    write_file("memory.max", "6000000\n");
    cr_assert_eq(group_limit(), 4000000);
    write_file("groups", "0::/\n");
    cr_assert_eq(group_limit(), 6000000);
    write_file("groups", "0::/not/here\n");
    cr_assert_eq(group_limit(), 6000000);
}

Test(process, groups_of_version_1)
{
    write_file("groups", "12:cpu,cpuacct:/c\n5:memory:/m/n\n4:memoryx:/x\n0::/\n");
    write_file("memory/m/n/memory.limit_in_bytes", "7000000\n");
    write_file("memory/c/memory.limit_in_bytes", "1\n");
    write_file("memory/x/memory.limit_in_bytes", "2\n");
    write_file("memory/memory.limit_in_bytes", "9223372036854771712\n");
    cr_assert_eq(group_limit(), 7000000);
}

static uint64_t processors(void)
{
    char groups[96];
    snprintf(groups, sizeof groups, "%s/groups", folder);
    return process_group_processor_limit(groups, folder);
}

Test(process, processors_of_version_2)
{
    write_file("groups", "0::/a/b\n");
    cr_assert_eq(processors(), UINT64_MAX);
    write_file("a/b/cpu.max", "max 100000\n");
    cr_assert_eq(processors(), UINT64_MAX);
    write_file("a/b/cpu.max", "250000 100000\n");
    cr_assert_eq(processors(), 3, "a part of one counts");
    write_file("cpu.max", "100000 100000\n");
    cr_assert_eq(processors(), 1);
    write_file("cpu.max", "100000 0\n");
    cr_assert_eq(processors(), 3);
}

Test(process, processors_of_version_1)
{
    write_file("groups", "12:cpu,cpuacct:/c\n5:memory:/m\n");
    write_file("cpu/c/cpu.cfs_quota_us", "-1\n");
    write_file("cpu/c/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(processors(), UINT64_MAX);
    write_file("cpu/c/cpu.cfs_quota_us", "150000\n");
    cr_assert_eq(processors(), 2);
}

Test(process, processors_of_lists)
{
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    cr_assert_geq(process_processors(), 1);
    cr_assert_leq(process_processors(), CPU_COUNT(&all));
    cr_assert_eq(process_cpulist_processors("0-7:2,9"), 5);
    cr_assert_eq(process_cpulist_processors(""), 0);
    cr_assert_eq(process_cpulist_processors("nonsense"), 0);
}

Test(process, machine_has_memory)
{
    uint64_t limit = process_memory_limit();
    cr_assert_gt(limit, 16 << 20);
    cr_assert_leq(limit, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

Test(process, oom_score_and_huge_pages)
{
    pid_t child = fork();
    if (child == 0)
        _exit(process_set_oom_score(500) == 0 && process_disable_thp() == 0 &&
                      prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1
                  ? 0
                  : 1);
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    cr_assert_lt(process_set_oom_score(5000), 0);
}

/* size, policy, flags, nice, ... as the kernel's struct sched_attr. */
struct slice_facts {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

static struct slice_facts slice_facts(void)
{
    struct slice_facts facts = {0};
    cr_assert_eq(syscall(SYS_sched_getattr, 0, &facts, sizeof(facts), 0), 0);
    return facts;
}

Test(process, a_slice_changes_nothing_else)
{
    struct slice_facts before = slice_facts();
    process_set_slice(500);
    struct slice_facts during = slice_facts();
    process_set_slice(0);
    struct slice_facts after = slice_facts();
    cr_assert_eq(during.policy, before.policy);
    cr_assert_eq(during.nice, before.nice);
    cr_assert(during.slice_ns == before.slice_ns || during.slice_ns == 500000,
              "kernels before 6.12 have no slices");
    cr_assert_eq(after.slice_ns, before.slice_ns);
}

Test(process, batch_changes_the_class_alone)
{
    process_set_slice(500);
    struct slice_facts before = slice_facts();
    cr_assert(process_is_scheduled_normally());
    process_set_batch(0, true);
    struct slice_facts during = slice_facts();
    cr_assert_eq(during.policy, SCHED_BATCH);
    cr_assert_eq(during.nice, before.nice);
    cr_assert_eq(during.slice_ns, before.slice_ns);
    cr_assert_not(process_is_scheduled_normally());
    process_set_slice(0);
    cr_assert_eq(slice_facts().policy, SCHED_BATCH, "a slice leaves the class");
    process_set_batch((int)gettid(), false);
    cr_assert_eq(slice_facts().policy, SCHED_OTHER);
    process_set_batch(1 << 22, true); /* nobody: no effect */
}

Test(process, another_class_is_left_alone)
{
    struct sched_param parameter = {0};
    cr_assert_eq(sched_setscheduler(0, SCHED_IDLE, &parameter), 0);
    process_set_batch(0, true);
    process_set_slice(500);
    cr_assert_eq(sched_getscheduler(0), SCHED_IDLE);
    process_set_batch(0, false);
    cr_assert_eq(sched_getscheduler(0), SCHED_IDLE);
}

/* As Debian's unit of redis-server: who calls it dies. */
static void kill_for_sched_setattr(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setattr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = rules};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(process, a_filter_that_kills_is_found_out_by_a_child)
{
    cr_assert(process_probe_scheduling());
    kill_for_sched_setattr();
    cr_assert_not(process_probe_scheduling());
    process_set_slice(500);
    process_set_batch(0, true);
    cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
    cr_assert_eq(process_set_cpulist("0"), -EPERM);
    cr_assert_eq(process_set_cpulist("no list"), -EINVAL);
}
