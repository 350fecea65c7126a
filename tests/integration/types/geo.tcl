# Positions on the map.

proc pi {} { return [expr {acos(-1)}] }

proc distance {lon1 lat1 lon2 lat2} {
    set rad [expr {[pi] / 180}]
    set u [expr {sin(($lat2 - $lat1) * $rad / 2)}]
    set v [expr {sin(($lon2 - $lon1) * $rad / 2)}]
    set h [expr {$u * $u + cos($lat1 * $rad) * cos($lat2 * $rad) * $v * $v}]
    return [expr {2 * 6372797.560856 * asin(sqrt($h))}]
}

proc add_sicily {} {
    r del Sicily
    r geoadd Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
}

start_server {} {
    set wrong_type "WRONGTYPE Operation against a key holding the wrong kind of value"

    test "GEOADD" {
        r del g
        assert_equal 1 [r geoadd g -73.9454966 40.747533 "lic market"]
        assert_equal 0 [r geoadd g -73.9454966 40.747533 "lic market"]
        assert_equal zset [r type g]
        assert_equal 1791875804419201 [r zscore g "lic market"]
        assert_equal 0 [r geoadd g XX 1 1 other]
        assert_equal 0 [r geoadd g nx 1 1 "lic market"]
        assert_equal 1 [r geoadd g xx ch 1 1 "lic market"]
        assert_equal 0 [r geoadd g ch 1 1 "lic market"]
        assert_equal 2 [r geoadd g CH 2 2 "lic market" 3 3 third]
        assert_equal 0 [r geoadd absent xx 1 1 a]
        assert_equal 0 [r exists absent]
    }

    test "GEOADD: errors" {
        r del g
        assert_error "ERR syntax error" {r geoadd g nx xx 1 1 a}
        assert_error "ERR syntax error" {r geoadd g 1 1 a 2 2}
        assert_error "ERR syntax error" {r geoadd g ch nx nx}
        assert_error "ERR value is not a valid float" {r geoadd g a 1 m}
        assert_error "ERR value is not a valid float" {r geoadd g 1 nan m}
        assert_error "ERR invalid longitude,latitude pair 200.000000,10.000000" {r geoadd g 200 10 m}
        assert_error "ERR invalid longitude,latitude pair 10.000000,-86.000000" {r geoadd g 10 -86 m}
        assert_error "ERR invalid longitude,latitude pair *" {r geoadd g 1 1 ok 1 1e30 m}
        assert_equal 0 [r exists g]
        r set text x
        assert_error $wrong_type {r geoadd text 1 1 a}
    }

    test "GEODIST" {
        add_sicily
        assert_equal 166274.1516 [r geodist Sicily Palermo Catania]
        assert_equal 166274.1516 [r geodist Sicily Palermo Catania m]
        assert_equal 166.2742 [r geodist Sicily Palermo Catania KM]
        assert_equal 103.3182 [r geodist Sicily Palermo Catania mi]
        assert_equal 545518.8700 [r geodist Sicily Palermo Catania Ft]
        assert_equal 0.0000 [r geodist Sicily Palermo Palermo]
        assert_equal {} [r geodist Sicily Palermo Agrigento]
        assert_equal {} [r geodist absent a b]
        assert_error "ERR unsupported unit provided. please use M, KM, FT, MI" {
            r geodist Sicily Palermo Catania inch
        }
        assert_error "ERR syntax error" {r geodist Sicily Palermo Catania m m}
        assert_error $wrong_type {r geodist text a b}
    }

    test "GEOHASH and GEOPOS" {
        add_sicily
        assert_equal {sqc8b49rny0 sqdtr74hyu0 {}} [r geohash Sicily Palermo Catania Agrigento]
        assert_equal {} [r geohash Sicily]
        assert_equal {{}} [r geohash absent a]
        assert_equal {{13.36138933897018433 38.11555639549629859} {}} [r geopos Sicily Palermo Agrigento]
        assert_equal {{} {}} [r geopos absent a b]
        r geoadd Sicily 0 0 zero 180 85.05112878 corner
        assert_equal {{0.00000268220901489 0.00000126736058093} {180 85.0511287799999991}} \
            [r geopos Sicily zero corner]
        assert_error $wrong_type {r geohash text a}
        assert_error $wrong_type {r geopos text a}
        set c [redis_client]
        $c hello 3
        $c send geopos Sicily Palermo
        assert_equal "*1\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n" [$c raw]
        $c send geopos Sicily Agrigento
        assert_equal "*1\r\n_\r\n" [$c raw]
        $c close
    }

    test "GEOSEARCH: circles and boxes" {
        add_sicily
        r geoadd Sicily 12.758489 38.788135 edge1 17.241510 38.788135 edge2
        assert_equal {Catania Palermo} [r geosearch Sicily fromlonlat 15 37 byradius 200 km asc]
        assert_equal {Palermo Catania} [r geosearch Sicily fromlonlat 15 37 byradius 200 km desc]
        assert_equal {Catania Palermo edge2 edge1} \
            [r geosearch Sicily fromlonlat 15 37 bybox 400 400 km asc]
        assert_equal {Catania} [r geosearch Sicily fromlonlat 15 37 bybox 400 150 km asc count 1]
        assert_equal {Palermo edge1 Catania} [r geosearch Sicily frommember Palermo byradius 200 KM asc]
        assert_equal {} [r geosearch Sicily fromlonlat 100 10 byradius 10 m]
        assert_equal {} [r geosearch absent fromlonlat 15 37 byradius 200 km]
        assert_equal {} [r geosearch absent frommember a byradius 200 km]
        assert_equal {Catania} [r geosearch Sicily byradius 200 km fromlonlat 15 37 count 1]
        assert_equal 1 [llength [r geosearch Sicily byradius 500 km fromlonlat 15 37 count 1 any]]
    }

    test "GEOSEARCH WITHDIST, WITHHASH and WITHCOORD" {
        add_sicily
        assert_equal {{Catania 56.4413} {Palermo 190.4424}} \
            [r geosearch Sicily fromlonlat 15 37 byradius 200 km withdist asc]
        assert_equal {{Catania 3479447370796909} {Palermo 3479099956230698}} \
            [r geosearch Sicily fromlonlat 15 37 byradius 200 km withhash asc]
        assert_equal {{Catania 56.4413 3479447370796909 {15.08726745843887329 37.50266842333162032}}} \
            [r geosearch Sicily fromlonlat 15 37 byradius 200 km withcoord withhash withdist count 1]
    }

    test "GEOSEARCH: errors" {
        add_sicily
        set where {fromlonlat 15 37 byradius 200 km}
        assert_error "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch" {
            r geosearch Sicily byradius 200 km asc asc
        }
        assert_error "ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH" {
            r GEOSEARCH Sicily fromlonlat 15 37 asc asc
        }
        assert_error "ERR syntax error" {r geosearch Sicily {*}$where bybox 1 1 m}
        assert_error "ERR syntax error" {r geosearch Sicily {*}$where frommember Palermo}
        assert_error "ERR syntax error" {r geosearch Sicily {*}$where store x}
        assert_error "ERR syntax error" {r geosearch Sicily {*}$where storedist}
        assert_error "ERR syntax error" {r geosearch Sicily {*}$where count}
        assert_error "ERR COUNT must be > 0" {r geosearch Sicily {*}$where count 0}
        assert_error "ERR COUNT must be > 0" {r geosearch Sicily {*}$where count -9223372036854775808}
        assert_error "ERR value is not an integer or out of range" {
            r geosearch Sicily {*}$where count a
        }
        assert_error "ERR the ANY argument requires COUNT argument" {
            r geosearch Sicily {*}$where any
        }
        assert_error "ERR could not decode requested zset member" {
            r geosearch Sicily frommember Agrigento byradius 1 m
        }
        assert_error "ERR need numeric radius" {r geosearch Sicily frommember Palermo byradius a m}
        assert_error "ERR radius cannot be negative" {
            r geosearch Sicily frommember Palermo byradius -1 m
        }
        assert_error "ERR need numeric width" {r geosearch Sicily frommember Palermo bybox a 1 m}
        assert_error "ERR need numeric height" {r geosearch Sicily frommember Palermo bybox 1 a m}
        assert_error "ERR height or width cannot be negative" {
            r geosearch Sicily frommember Palermo bybox 1 -1 m
        }
        assert_error "ERR unsupported unit provided. *" {
            r geosearch Sicily frommember Palermo byradius 1 parsec
        }
        assert_error $wrong_type {r geosearch text {*}$where}
    }

    test "GEOSEARCHSTORE" {
        add_sicily
        assert_equal 2 [r geosearchstore d Sicily fromlonlat 15 37 byradius 200 km asc]
        assert_equal {Palermo 3479099956230698 Catania 3479447370796909} [r zrange d 0 -1 withscores]
        assert_equal 1 [r geosearchstore d Sicily fromlonlat 15 37 bybox 400 400 km asc count 1 storedist]
        assert_range [r zscore d Catania] 56.4412 56.4413
        assert_equal 0 [r geosearchstore d Sicily fromlonlat 100 10 byradius 10 m]
        assert_equal 0 [r exists d]
        r set d x
        assert_equal 0 [r geosearchstore d absent fromlonlat 100 10 byradius 10 m]
        assert_equal 0 [r exists d]
        assert_equal 2 [r geosearchstore Sicily Sicily fromlonlat 15 37 byradius 200 km]
        foreach option {withdist withhash withcoord} {
            assert_error "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options" {
                r geosearchstore d Sicily fromlonlat 15 37 byradius 200 km $option
            }
        }
        assert_error $wrong_type {r geosearchstore d text fromlonlat 15 37 byradius 200 km}
    }

    test "GEORADIUS and GEORADIUSBYMEMBER" {
        add_sicily
        foreach suffix {"" _ro} {
            assert_equal {{Palermo 190.4424} {Catania 56.4413}} \
                [r georadius$suffix Sicily 15 37 200 km withdist desc]
            assert_equal {Palermo Catania} [r georadiusbymember$suffix Sicily Palermo 200 km asc]
            assert_equal {Catania} [r georadius$suffix Sicily 15 37 200 km count 1]
            assert_equal {} [r georadius$suffix absent 15 37 200 km]
            assert_equal {} [r georadiusbymember$suffix absent nobody a b]
            assert_error "ERR could not decode requested zset member" {
                r georadiusbymember$suffix Sicily nobody 1 km
            }
            assert_error "ERR syntax error" {r georadius$suffix Sicily 15 37 200 km byradius 1 km}
            assert_error "ERR invalid longitude,latitude pair *" {r georadius$suffix Sicily 181 0 1 m}
            assert_error $wrong_type {r georadius$suffix text 15 37 200 km}
        }
        assert_error "ERR syntax error" {r georadius_ro Sicily 15 37 200 km store d}
        assert_error "ERR syntax error" {r georadiusbymember_ro Sicily Palermo 200 km storedist d}
    }

    test "GEORADIUS STORE and STOREDIST" {
        add_sicily
        r del d e
        assert_equal 2 [r georadius Sicily 15 37 200 km store d]
        assert_equal [r zrange Sicily 0 -1 withscores] [r zrange d 0 -1 withscores]
        assert_equal 2 [r georadiusbymember Sicily Palermo 200 km storedist e]
        assert_equal {Palermo Catania} [r zrange e 0 -1]
        assert_range [r zscore e Catania] 166.274 166.275
        assert_equal 1 [r georadius Sicily 15 37 200 km count 1 desc storedist d]
        assert_equal {Palermo} [r zrange d 0 -1]
        assert_equal 0 [r georadius absent 15 37 200 km store d]
        assert_equal 0 [r exists d]
        assert_error "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options" {
            r georadius Sicily 15 37 200 km store d withdist
        }
        assert_error "ERR syntax error" {r georadius Sicily 15 37 200 km store}
    }

    # The key that is checked must be the one that is written.
    test "redis#15478: GEORADIUS with a repeated STORE uses the key that COMMAND GETKEYS tells" {
        add_sicily
        r del d e
        assert_equal 2 [r georadius Sicily 15 37 200 km store d storedist e]
        assert_equal 0 [r exists d]
        assert_equal {Palermo Catania} [lsort -decreasing [r zrange e 0 -1]]
        assert_equal {Sicily e} [r command getkeys georadius Sicily 15 37 200 km store d storedist e]
        assert_equal {Sicily e} [r command getkeys georadiusbymember Sicily a 200 km store d store e]
        assert_equal {Sicily e} \
            [r command getkeys georadius Sicily 15 37 200 km store storedist storedist e]
        assert_equal {Sicily} [r command getkeys georadiusbymember Sicily store 200 km]
        assert_equal {{Sicily {RO access}} {e {OW update}}} \
            [r command getkeysandflags georadius Sicily 15 37 200 km store e]
    } {sluice}

    test "Searches across the date line and near the poles" {
        r del g
        r geoadd g 179.9 10 west -179.9 10 east 179.95 84 north -179.95 -84 south
        assert_equal {west east} [r geosearch g fromlonlat 179.99 10 byradius 100 km asc]
        assert_equal {east west} [r geosearch g fromlonlat -179.99 10 bybox 100 100 km asc]
        assert_equal {north} [r geosearch g fromlonlat -179.9 84.1 byradius 50 km]
        assert_equal {south} [r geosearch g fromlonlat 179.9 -84.1 byradius 50 km]
        assert_equal 4 [llength [r geosearch g fromlonlat 0 0 byradius 25000 km]]
    }

    test "Any score is a position" {
        r del g
        r zadd g -1 a inf b -inf c 1e300 d 4503599627370496 e
        assert_equal 5 [llength [r geopos g a b c d e]]
        assert_equal 5 [llength [r geohash g a b c d e]]
        r geosearch g fromlonlat 0 0 byradius 30000 km withhash
        assert_equal PONG [r ping]
    }

    foreach entries {128 0} {
        test "Random searches against all distances, listpack of $entries" {
            r config set zset-max-listpack-entries $entries
            expr {srand(9)}
            for {set round 0} {$round < 15} {incr round} {
                r del g
                array unset places
                for {set i 0} {$i < 100} {incr i} {
                    r geoadd g [expr {rand() * 360 - 180}] [expr {rand() * 160 - 80}] m$i
                    set places(m$i) [lindex [r geopos g m$i] 0]
                }
                set lon [expr {rand() * 360 - 180}]
                set lat [expr {rand() * 140 - 70}]
                set radius [expr {rand() * 6000}]
                set expected {}
                foreach member [array names places] {
                    set away [distance $lon $lat {*}$places($member)]
                    # Too near to the edge to tell.
                    if {abs($away / 1000 - $radius) < 1} { r zrem g $member; continue }
                    if {$away / 1000 < $radius} { lappend expected [list $away $member] }
                }
                set expected [lmap item [lsort -real -index 0 $expected] { lindex $item 1 }]
                assert_equal $expected [r geosearch g fromlonlat $lon $lat byradius $radius km asc]
                assert_equal [lreverse $expected] [r georadius g $lon $lat $radius km desc]
                assert_equal [lrange $expected 0 4] \
                    [r geosearch g fromlonlat $lon $lat byradius $radius km count 5]
            }
        }
    }
}
