/* The process as its operator sees it. Main thread. */
#include "base/process.h"
#include "base/process_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { SMALL_FILE_SIZE_MAX = 64 * 1024 };

/* Written by process_probe_scheduling before other threads start. */
static bool may_schedule = true;

/* -- standard streams, daemon, pidfile -- */

void process_open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int process_daemonize(void)
{
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child > 0)
        _exit(0);
    setsid();
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0)
        return -errno;
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    return 0;
}

bool process_has_user(const char *name)
{
    return getpwnam(name) != NULL;
}

bool process_is_user(const char *name)
{
    const struct passwd *user = getpwnam(name);
    return user && user->pw_uid == geteuid();
}

int process_become_user(const char *name)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user)
        return errno ? -errno : -ENOENT;
    uid_t uid = user->pw_uid;
    gid_t gid = user->pw_gid;
    if (initgroups(name, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return -errno;
    if (uid != 0 && setuid(0) == 0)
        return -EPERM; /* there is a way back */
    /* As after an exec: /proc/self is its own again, and a crash may leave a core. */
    (void)prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
    return 0;
}

int process_write_pidfile(const char *path)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int result = file_write_all(fd, text, (size_t)size);
    close(fd);
    return result;
}

void process_remove_pidfile(const char *path)
{
    if (path && path[0])
        unlink(path);
}

/* -- title -- */

/* The area that ps shows: the strings of argv and, right behind them, of the environment. Found
 * once by process_title_init, written by process_set_title. */
static char *title_area;
static size_t title_area_size;

extern char **environ;

/* Extends `end` over `text` when it lies right there. */
static char *extend_over(char *end, char *text)
{
    return text == end ? text + strlen(text) + 1 : end;
}

void process_title_init(int argc, char **argv)
{
    if (argc < 1 || !argv[0])
        return;
    char *end = argv[0];
    for (int i = 0; i < argc; i++)
        end = extend_over(end, argv[i]);
    size_t count = 0;
    for (; environ[count]; count++)
        end = extend_over(end, environ[count]);
    /* What lay in the area moves out of it; argv keeps its pointers, the caller has read it. */
    char **moved = mem_alloc((count + 1) * sizeof *moved);
    for (size_t i = 0; i < count; i++)
        moved[i] = mem_strdup(environ[i]);
    moved[count] = NULL;
    environ = moved;
    program_invocation_name = mem_strdup(program_invocation_name);
    char *slash = strrchr(program_invocation_name, '/');
    program_invocation_short_name = slash ? slash + 1 : program_invocation_name;
    title_area = argv[0];
    title_area_size = (size_t)(end - argv[0]);
}

void process_set_title(const char *title)
{
    if (title_area_size < 2)
        return;
    memset(title_area, 0, title_area_size);
    text_copy(title_area, title_area_size, title);
}

/* -- limits -- */

uint64_t process_raise_files(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
        struct rlimit raised = {wanted, limit.rlim_max < wanted ? wanted : limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {
            int code = errno;
            raised =
                (struct rlimit){limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
            if (setrlimit(RLIMIT_NOFILE, &raised) != 0)
                raised = limit;
            errno = code;
        }
        limit = raised;
    }
    return limit.rlim_cur == RLIM_INFINITY ? wanted : limit.rlim_cur;
}

int process_oom_score(int *score)
{
    char text[16];
    int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t size = read(fd, text, sizeof text - 1);
    int result = size < 0 ? -errno : 0;
    close(fd);
    if (result == 0) {
        text[size] = '\0';
        *score = (int)strtol(text, NULL, 10);
    }
    return result;
}

int process_set_oom_score(int score)
{
    char text[16];
    int size = snprintf(text, sizeof text, "%d", score);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = file_write_all(fd, text, (size_t)size);
    close(fd);
    return result;
}

int process_disable_thp(void)
{
    return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

/* -- supervision -- */

static const char *supervised_by_upstart(void)
{
    if (!getenv("UPSTART_JOB")) {
        log_warning("upstart supervision requested, but UPSTART_JOB not found!");
        return NULL;
    }
    /* Upstart's "expect stop": it continues the process once it has seen it stop. */
    log_notice("supervised by upstart, will stop to signal readiness.");
    raise(SIGSTOP);
    unsetenv("UPSTART_JOB");
    return "upstart";
}

static const char *supervised_by_systemd(void)
{
    if (process_notify("STATUS=Redis is loading...\n") <= 0)
        return NULL;
    log_notice("Supervised by systemd. Please make sure you set appropriate values for "
               "TimeoutStartSec and TimeoutStopSec in your service unit.");
    return "systemd";
}

const char *process_supervisor(const char *mode)
{
    bool is_auto = strcasecmp(mode, "auto") == 0;
    if (strcasecmp(mode, "upstart") == 0 || (is_auto && getenv("UPSTART_JOB")))
        return supervised_by_upstart();
    if (strcasecmp(mode, "systemd") == 0 || (is_auto && getenv("NOTIFY_SOCKET")))
        return supervised_by_systemd();
    return NULL;
}

/* 1: sent, 0: nobody to notify, -errno. */
static int send_notification(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || !path[0])
        return 0;
    if ((path[0] != '/' && path[0] != '@') || !path[1])
        return -EINVAL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size >= sizeof address.sun_path)
        return -EINVAL;
    memcpy(address.sun_path, path, size);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* the abstract name space */
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = 1;
    if (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
               address_size) < 0)
        result = -errno;
    close(fd);
    return result;
}

int process_notify(const char *message)
{
    int result = send_notification(message);
    if (result == 0)
        log_warning("systemd supervision error: NOTIFY_SOCKET not found!");
    else if (result < 0)
        log_warning("systemd supervision error: sd_notify: %d", result);
    return result;
}

/* -- processors -- */

uint64_t process_wanted_us(void)
{
    char text[64];
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    char *end;
    uint64_t ran_ns = strtoull(text, &end, 10);
    return (ran_ns + strtoull(end, NULL, 10)) / 1000;
}

static bool read_unsigned(const char **text, unsigned *value)
{
    if (!isdigit((unsigned char)**text))
        return false;
    char *end;
    unsigned long number = strtoul(*text, &end, 10);
    *text = end;
    *value = number < UINT_MAX ? (unsigned)number : UINT_MAX;
    return true;
}

int process_parse_cpulist(const char *list, cpu_set_t *set)
{
    CPU_ZERO(set);
    const char *next = list;
    while (*next == ' ' || *next == ',')
        next++;
    while (*next) {
        unsigned from;
        unsigned step = 1;
        if (!read_unsigned(&next, &from))
            return -EINVAL;
        unsigned to = from;
        if (*next == '-' && (next++, !read_unsigned(&next, &to)))
            return -EINVAL;
        if (*next == ':' && (next++, !read_unsigned(&next, &step)))
            return -EINVAL;
        if (from > to || to >= CPU_SETSIZE || step == 0 || (*next && !strchr(" ,", *next)))
            return -EINVAL;
        for (size_t cpu = from; cpu <= to; cpu += step)
            CPU_SET(cpu, set);
        while (*next == ' ' || *next == ',')
            next++;
    }
    return 0;
}

int process_set_cpulist(const char *list)
{
    cpu_set_t set;
    if (!list || !list[0])
        return 0;
    int result = process_parse_cpulist(list, &set);
    if (result != 0)
        return result;
    if (!may_schedule)
        return -EPERM;
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

int process_check_cpulist(const char *list)
{
    cpu_set_t set;
    return process_parse_cpulist(list, &set);
}

/* struct sched_attr of the kernel; glibc has none yet. */
struct slice_request {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

/* Of a thread of the two classes that share slices; its flags left out. */
static bool read_scheduling(int tid, struct slice_request *found)
{
    if (syscall(SYS_sched_getattr, tid, found, sizeof(*found), 0) != 0)
        return false;
    found->flags = 0;
    return found->policy == SCHED_OTHER || found->policy == SCHED_BATCH;
}

/* In a child that a filter may kill, without a core to show for it: asks for what is so already. */
static _Noreturn void try_scheduling(void)
{
    struct rlimit no_core = {0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0);
    struct slice_request request;
    if (read_scheduling(0, &request))
        (void)syscall(SYS_sched_setattr, 0, &request, 0);
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        (void)sched_setaffinity(0, sizeof set, &set);
    _exit(0);
}

bool process_probe_scheduling(void)
{
    if (prctl(PR_GET_SECCOMP) <= 0)
        return true;
    pid_t child = fork();
    if (child == 0)
        try_scheduling();
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    may_schedule = child > 0 && WIFEXITED(status);
    return may_schedule;
}

void process_set_slice(int64_t slice_us)
{
    struct slice_request request;
    if (!may_schedule || !read_scheduling(0, &request))
        return;
    request.slice_ns = (uint64_t)slice_us * 1000;
    (void)syscall(SYS_sched_setattr, 0, &request, 0);
}

bool process_is_scheduled_normally(void)
{
    return sched_getscheduler(0) == SCHED_OTHER;
}

void process_set_batch(int tid, bool is_batch)
{
    struct slice_request request;
    if (!may_schedule || !read_scheduling(tid, &request))
        return;
    request.policy = is_batch ? SCHED_BATCH : SCHED_OTHER;
    (void)syscall(SYS_sched_setattr, tid, &request, 0);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* -- control groups -- */

/* One kind of limit: which controller sets it, and what reads it from a group's folder, for the two
 * versions of control groups. UINT64_MAX: none. */
struct group_limit {
    const char *controller;
    uint64_t (*read_v1)(const char *folder);
    uint64_t (*read_v2)(const char *folder);
};

/* The numbers at the start of a control file; how many there were. "max" and -1 are none. */
static int read_numbers(const char *folder, const char *name, uint64_t *numbers, int count)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct buffer text;
    buffer_init(&text, SMALL_FILE_SIZE_MAX);
    int found = 0;
    if (file_read(path, &text) == 0) {
        char *at = text.data;
        while (found < count && at && isdigit((unsigned char)*at)) {
            numbers[found++] = strtoull(at, &at, 10);
            at += strspn(at, " \n");
        }
    }
    buffer_deinit(&text);
    return found;
}

static uint64_t memory_limit_v1(const char *folder)
{
    uint64_t limit;
    return read_numbers(folder, "memory.limit_in_bytes", &limit, 1) == 1 ? limit : UINT64_MAX;
}

static uint64_t memory_limit_v2(const char *folder)
{
    uint64_t limit;
    return read_numbers(folder, "memory.max", &limit, 1) == 1 ? limit : UINT64_MAX;
}

/* A quota in each period, as processors; a part of one counts as one. */
static uint64_t quota_processors(uint64_t quota_us, uint64_t period_us)
{
    return period_us > 0 ? (quota_us + period_us - 1) / period_us : UINT64_MAX;
}

static uint64_t processor_limit_v1(const char *folder)
{
    uint64_t quota_us;
    uint64_t period_us;
    if (read_numbers(folder, "cpu.cfs_quota_us", &quota_us, 1) != 1 ||
        read_numbers(folder, "cpu.cfs_period_us", &period_us, 1) != 1)
        return UINT64_MAX;
    return quota_processors(quota_us, period_us);
}

static uint64_t processor_limit_v2(const char *folder)
{
    uint64_t numbers[2];
    return read_numbers(folder, "cpu.max", numbers, 2) == 2
               ? quota_processors(numbers[0], numbers[1])
               : UINT64_MAX;
}

static const struct group_limit memory_limit = {"memory", memory_limit_v1, memory_limit_v2};
static const struct group_limit processor_limit = {"cpu", processor_limit_v1, processor_limit_v2};

/* Smallest limit from `group` ("/a/b") up to the top of a hierarchy mounted at `mount`. In a
 * container the group's name may be the host's and not exist here: then the top alone counts. */
static uint64_t hierarchy_limit(const char *mount, const char *group,
                                uint64_t (*read)(const char *folder))
{
    char name[PATH_MAX];
    uint64_t limit = UINT64_MAX;
    size_t size = text_copy(name, sizeof name, group);
    for (;;) {
        while (size > 0 && name[size - 1] == '/')
            name[--size] = '\0';
        struct buffer folder;
        buffer_init(&folder, 3 * PATH_MAX);
        if (buffer_printf(&folder, "%s%s", mount, name) == 0)
            limit = smaller(limit, read(folder.data));
        buffer_deinit(&folder);
        if (size == 0)
            return limit;
        while (size > 0 && name[size - 1] != '/')
            name[--size] = '\0';
    }
}

/* True when `word` is among the comma-separated words of text[0..size). */
static bool has_word(const char *text, size_t size, const char *word)
{
    size_t word_size = strlen(word);
    for (size_t at = 0; at + word_size <= size; at++)
        if (memcmp(text + at, word, word_size) == 0 && (at == 0 || text[at - 1] == ',') &&
            (at + word_size == size || text[at + word_size] == ','))
            return true;
    return false;
}

/* A line of /proc/self/cgroup is "number:controllers:/group"; version 2 has no controllers. */
static uint64_t group_line_limit(const struct group_limit *kind, const char *line,
                                 const char *mount)
{
    const char *controllers = strchr(line, ':');
    const char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return UINT64_MAX;
    controllers++;
    size_t size = (size_t)(group - controllers);
    group++;
    if (size == 0)
        return hierarchy_limit(mount, group, kind->read_v2);
    if (!has_word(controllers, size, kind->controller))
        return UINT64_MAX;
    char below[PATH_MAX];
    snprintf(below, sizeof below, "%s/%s", mount, kind->controller);
    return hierarchy_limit(below, group, kind->read_v1);
}

static uint64_t group_limit_of(const struct group_limit *kind, const char *groups_path,
                               const char *mount)
{
    struct buffer text;
    buffer_init(&text, SMALL_FILE_SIZE_MAX);
    uint64_t limit = UINT64_MAX;
    if (file_read(groups_path, &text) == 0) {
        char *rest = text.data;
        char *line;
        while ((line = strsep(&rest, "\n")) != NULL)
            limit = smaller(limit, group_line_limit(kind, line, mount));
    }
    buffer_deinit(&text);
    return limit;
}

uint64_t process_group_memory_limit(const char *groups_path, const char *mount)
{
    return group_limit_of(&memory_limit, groups_path, mount);
}

uint64_t process_group_processor_limit(const char *groups_path, const char *mount)
{
    return group_limit_of(&processor_limit, groups_path, mount);
}

/* -- what the process may use -- */

uint64_t process_memory_limit(void)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return smaller(machine, process_group_memory_limit("/proc/self/cgroup", "/sys/fs/cgroup"));
}

int process_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    uint64_t group = process_group_processor_limit("/proc/self/cgroup", "/sys/fs/cgroup");
    uint64_t count = smaller((uint64_t)CPU_COUNT(&set), group);
    return count > 0 ? (int)count : 1;
}

int process_cpulist_processors(const char *list)
{
    cpu_set_t set;
    return process_parse_cpulist(list, &set) == 0 ? CPU_COUNT(&set) : 0;
}
