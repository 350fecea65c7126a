/* What the files of geo commands share. Main thread. */
#ifndef COMMANDS_GEO_COMMON_H
#define COMMANDS_GEO_COMMON_H

#include "commands/zset_common.h"
#include "structures/geohash.h"

/* Longitude and latitude at argv[index] and behind it; false with the error written. */
bool geo_parse_position(struct call *call, int index, struct geo_position *position);
/* The metres of the unit at argv[index]. */
bool geo_parse_unit(struct call *call, int index, double *metres);

/* A pair of coordinates, with 17 digits behind the point. */
void geo_reply_position(struct call *call, struct geo_position position);
/* With four digits, as a bulk. */
void geo_reply_distance(struct call *call, double distance);

#endif
