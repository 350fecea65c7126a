/* The services of the running server, as pointers only: what a handler may reach besides its own
 * client and database. Filled by the composition root, constant afterwards. Each type belongs to
 * the header named behind it. */
#ifndef BASE_SERVICES_H
#define BASE_SERVICES_H

struct services {
    struct keyspace *keyspace;                      /* keyspace/keyspace.h */
    struct client_table *clients;                   /* client/client_table.h */
    struct exchange *exchange;                      /* client/exchange.h */
    struct command_table *commands;                 /* dispatch/command.h */
    struct executor *executor;                      /* dispatch/execute.h */
    struct config *config;                          /* config/config_table.h */
    struct info *info;                              /* observability/info.h */
    struct slowlog *slowlog;                        /* observability/slowlog.h */
    struct latency *latency;                        /* observability/latency.h */
    struct stats *stats;                            /* observability/stats.h */
    struct pubsub *pubsub;                          /* pubsub/pubsub.h; NULL in tests */
    struct background *background;                  /* base/background.h */
    const struct acl_settings *acl;                 /* acl/acl_options.h */
    const struct client_settings *client_settings;  /* client/client_options.h */
    const struct type_settings *types;              /* types/type_options.h */
    const struct persistence_settings *persistence; /* persistence/persistence_options.h */
    const struct info_sources *info_sources;        /* observability/info_sources.h */
    const struct server_control *control;           /* base/server_control.h */
};

#endif
