# HyperLogLogs.

proc header {{invalid 128}} { return HYLL\x01[string repeat \x00 10][format %c $invalid] }

proc add_many {key from to} {
    for {set i $from} {$i < $to} {} {
        set elements {}
        for {set j 0} {$j < 200 && $i < $to} {incr j; incr i} { lappend elements e$i }
        r pfadd $key {*}$elements
    }
}

start_server {args {--enable-debug-command local}} {
    set not_valid "WRONGTYPE Key is not a valid HyperLogLog string value."
    set corrupted "INVALIDOBJ Corrupted HLL object detected"

    test "PFADD makes an empty one" {
        r del h
        assert_equal 1 [r pfadd h]
        assert_equal 0 [r pfadd h]
        assert_equal [header]\x7f\xff [r get h]
        assert_equal raw [r object encoding h]
        assert_equal 0 [r pfcount h]
        assert_equal 1 [r pfadd h a b c]
        assert_equal 0 [r pfadd h a b c]
        assert_equal 3 [r pfcount h]
        r expire h 100
        r pfadd h d
        assert_range [r ttl h] 90 100
    }

    test "PFCOUNT keeps the estimate in the string" {
        r del h
        r pfadd h a b c
        assert_equal \x80 [r getrange h 15 15]
        r pfcount h
        assert_equal \x03[string repeat \x00 7] [r getrange h 8 15]
        r pfadd h a
        assert_equal \x00 [r getrange h 15 15]
        r pfadd h d
        assert_equal \x80 [r getrange h 15 15]
        r setrange h 8 \x2a[string repeat \x00 7]
        assert_equal 42 [r pfcount h]
    }

    test "The estimate is near, sparse and dense" {
        r del h
        foreach count {10 100 1000 5000 20000} from {0 10 100 1000 5000} {
            add_many h $from $count
            assert_range [r pfcount h] [expr {$count * 0.97 - 1}] [expr {$count * 1.03 + 1}]
        }
        assert_equal dense [r pfdebug encoding h]
        assert_equal 12304 [r strlen h]
    }

    test "A sparse one becomes dense at hll-sparse-max-bytes" {
        foreach limit {100 500 3000} {
            r config set hll-sparse-max-bytes $limit
            r del h
            for {set i 0} {[r strlen h] < 12304} {incr i} {
                assert {[r strlen h] <= $limit}
                r pfadd h e$i
            }
            assert_equal dense [r pfdebug encoding h]
        }
    }

    test "PFDEBUG" {
        r del h
        r pfadd h a b
        assert_equal sparse [r pfdebug encoding h]
        set decoded [r pfdebug decode h]
        assert_match {Z:* v:*,1 *} $decoded
        assert_equal 1 [r pfdebug todense h]
        assert_equal 0 [r pfdebug todense h]
        assert_equal dense [r pfdebug encoding h]
        assert_error "ERR HLL encoding is not sparse" {r pfdebug decode h}
        set registers [r pfdebug getreg h]
        assert_equal 16384 [llength $registers]
        assert_equal 2 [llength [lsearch -all -not $registers 0]]
        r del h
        r pfadd h a b
        assert_equal $registers [r pfdebug getreg h]
        assert_equal dense [r pfdebug encoding h]
        assert_error "ERR The specified key does not exist" {r pfdebug encoding absent}
        assert_error "ERR Unknown PFDEBUG subcommand 'simplify'" {r pfdebug simplify h}
    }

    test "PFMERGE" {
        r del x y z d
        r pfadd x a b c
        r pfadd y b c d
        r pfadd z c d e
        assert_equal OK [r pfmerge d x y z absent]
        assert_equal 5 [r pfcount d]
        assert_equal sparse [r pfdebug encoding d]
        assert_equal 5 [r pfcount x y z]
        assert_equal 3 [r pfcount x]
        assert_equal OK [r pfmerge d]
        assert_equal OK [r pfmerge fresh]
        assert_equal [header]\x7f\xff [r get fresh]
        r pfdebug todense y
        r pfmerge x y
        assert_equal dense [r pfdebug encoding x]
        assert_equal 4 [r pfcount x]
        r pfmerge x z
        assert_equal 5 [r pfcount x]
        assert_equal [r pfdebug getreg d] [r pfdebug getreg x]
    }

    test "Merging is adding" {
        r config set hll-sparse-max-bytes 3000
        foreach {count encoding} {50 sparse 600 sparse 4000 dense} {
            r flushall
            add_many both 0 [expr {$count * 2}]
            add_many one 0 $count
            add_many two $count [expr {$count * 2}]
            assert_equal [r pfcount both] [r pfcount one two]
            r pfmerge merged one two
            r pfmerge two one
            set encoding [r pfdebug encoding merged]
            assert_equal [r pfdebug getreg both] [r pfdebug getreg merged]
            assert_equal [r pfdebug getreg both] [r pfdebug getreg two]
        }
    }

    test "Other strings and types are refused" {
        r set text hello
        r set number 12
        r set short HYLL
        r set magic HYLX[string range [header] 4 end]\x7f\xff
        r set encoding HYLL\x02[string range [header] 5 end]\x7f\xff
        r set dense HYLL[string repeat \x00 12299]
        foreach key {text number short magic encoding dense} {
            assert_error $not_valid {r pfadd $key a}
            assert_error $not_valid {r pfcount $key}
            assert_error $not_valid {r pfcount absent $key}
            assert_error $not_valid {r pfmerge $key}
            assert_error $not_valid {r pfmerge absent $key}
            assert_error $not_valid {r pfdebug encoding $key}
        }
        r append dense \x00
        assert_equal 0 [r pfcount dense]
        r sadd set a
        assert_error "WRONGTYPE Operation against a key *" {r pfadd set a}
        assert_error "WRONGTYPE Operation against a key *" {r pfcount set}
        assert_error "WRONGTYPE Operation against a key *" {r pfcount absent set}
        assert_error "WRONGTYPE Operation against a key *" {r pfmerge d set}
    }

    # A string that a user set: its runs cover more registers, or fewer, than there are.
    test "CVE-2025-32023: HyperLogLog run lengths of crafted strings" {
        r pfadd good a b c
        foreach runs [list "" \x7f\xfe \x7f\xff\x00 \x7f\xff\x7f\xff \x7f\xfe\x83 \x83\x7f\xff \x7f \
            \x3f\x3f\x7f [string repeat \xff 100] [string repeat \x7f\xff 2000] \
            [string repeat \xff 5000]] {
            r set bad [header]$runs
            assert_error $corrupted {r pfcount bad}
            assert_error $corrupted {r pfcount good bad}
            assert_error $corrupted {r pfmerge d good bad}
            assert_error $corrupted {r pfmerge bad good}
            assert_error $corrupted {r pfdebug getreg bad}
            assert_error $corrupted {r pfdebug todense bad}
            assert_equal [header]$runs [r get bad]
            assert_equal 0 [r exists d]
            # Elements may meet runs that are there; nothing worse happens.
            for {set i 0} {$i < 50} {incr i} { catch {r pfadd bad e$i} }
        }
        assert_equal 3 [r pfcount good]
        assert_equal PONG [r ping]
    }

    test "Random bytes behind a header do no harm" {
        expr {srand(11)}
        for {set i 0} {$i < 300} {incr i} {
            set runs ""
            set size [expr {int(rand() * 60)}]
            for {set j 0} {$j < $size} {incr j} { append runs [format %c [expr {int(rand() * 256)}]] }
            r set bad [header]$runs
            catch {r pfadd bad a b c d}
            catch {r pfcount bad}
            catch {r pfmerge d bad}
            catch {r pfdebug getreg bad}
            r del d
        }
        assert_equal PONG [r ping]
    }

    test "PFSELFTEST" {
        assert_equal OK [r pfselftest]
    }
}
