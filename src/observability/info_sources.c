/* The list of standard sections. */
#include "observability/info_sources.h"

#include "base/assert.h"
#include "observability/info_internal.h"

void info_register_standard(struct info *info, const struct info_sources *sources)
{
    static const struct info_section *const sections[] = {
        &info_server_section,      &info_clients_section,      &info_memory_section,
        &info_persistence_section, &info_stats_section,        &info_replication_section,
        &info_cpu_section,         &info_modules_section,      &info_commandstats_section,
        &info_errorstats_section,  &info_latencystats_section, &info_cluster_section,
    };
    assert(sources->stats);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        info_register(info, sections[i], sources);
}
