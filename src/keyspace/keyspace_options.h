/* What the keyspace shows to configuration and INFO: its option rows (settings: struct
 * keyspace_settings, context of apply: struct keyspace) and INFO's Keyspace section (context:
 * struct keyspace). */
#ifndef KEYSPACE_KEYSPACE_OPTIONS_H
#define KEYSPACE_KEYSPACE_OPTIONS_H

#include "base/info_section.h"
#include "base/option.h"

extern const struct option_group keyspace_options;
extern const struct info_section keyspace_info;
/* How large values are (context: the keyspace). */
extern const struct info_section keysizes_info;

#endif
