/* The standard sections, each in a file of its own; the context of all is struct info_sources. Not
 * for other folders. Main thread. */
#ifndef OBSERVABILITY_INFO_INTERNAL_H
#define OBSERVABILITY_INFO_INTERNAL_H

#include "observability/info_sources.h"

extern const struct info_section info_server_section;
extern const struct info_section info_clients_section;
extern const struct info_section info_memory_section;
extern const struct info_section info_persistence_section;
extern const struct info_section info_stats_section;
extern const struct info_section info_replication_section;
extern const struct info_section info_cpu_section;
extern const struct info_section info_modules_section;
extern const struct info_section info_commandstats_section;
extern const struct info_section info_errorstats_section;
extern const struct info_section info_latencystats_section;
extern const struct info_section info_cluster_section;

/* A section whose lines one function writes. */
#define INFO_SECTION(identifier, name_, title_, flags_, position_, write_)                         \
    static const struct info_field identifier##_fields[] = {{NULL, write_}};                       \
    const struct info_section identifier = {.name = name_,                                         \
                                            .title = title_,                                       \
                                            .flags = flags_,                                       \
                                            .position = position_,                                 \
                                            .fields = identifier##_fields,                         \
                                            .count = 1}

#define INFO_EVERYWHERE (INFO_DEFAULT | INFO_ALL | INFO_EVERYTHING)

#endif
