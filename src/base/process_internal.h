/* Parts of process.c that a test calls with files of its own. Main thread. */
#ifndef BASE_PROCESS_INTERNAL_H
#define BASE_PROCESS_INTERNAL_H

#include <sched.h>
#include <stdint.h>

/* The smallest memory limit of the control groups that `groups_path` (as /proc/self/cgroup) names,
 * looked up below `mount` (as /sys/fs/cgroup), version 1 or 2; UINT64_MAX when there is none. */
uint64_t process_group_memory_limit(const char *groups_path, const char *mount);
/* The same of processors: the CPU quota, a part of one counted as one. */
uint64_t process_group_processor_limit(const char *groups_path, const char *mount);
/* "0-7:2,9" to a set; 0, or -EINVAL. An empty list gives an empty set. */
int process_parse_cpulist(const char *list, cpu_set_t *set);

#endif
