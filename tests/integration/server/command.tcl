# COMMAND and its subcommands.

start_server {} {
    test "COMMAND COUNT is the number of COMMAND's entries" {
        set all [r command]
        assert_equal [r command count] [llength $all]
        assert {[llength $all] >= 20}
        foreach entry $all {
            assert_equal 10 [llength $entry] [lindex $entry 0]
            lassign $entry name arity flags first last step categories
            assert {[string tolower $name] eq $name}
            assert {[string is integer -strict $arity] && $arity != 0} $name
        }
    }

    test "COMMAND INFO" {
        lassign [lindex [r command info get] 0] name arity flags first last step categories
        assert_equal {get 2 1 1 1} [list $name $arity $first $last $step]
        assert_equal {fast readonly} [lsort $flags]
        assert_equal {@fast @read @string} [lsort $categories]
        lassign [lindex [r command info SET] 0] name arity flags first last step categories
        assert_equal {set -3 1 1 1} [list $name $arity $first $last $step]
        assert_equal {denyoom write} [lsort $flags]
        assert_equal {{}} [r command info nosuch]
        assert_equal 3 [llength [r command info get nosuch set]]
        assert_equal get [lindex [r command info get nosuch set] 0 0]
        assert_equal "client|id" [lindex [r command info "client|id"] 0 0]
    }

    test "COMMAND INFO of containers lists subcommands" {
        set entry [lindex [r command info config] 0]
        set names [lsort [lmap sub [lindex $entry 9] { lindex $sub 0 }]]
        assert_equal {config|get config|help config|resetstat config|rewrite config|set} $names
    }

    test "COMMAND LIST" {
        set all [r command list]
        assert_equal [llength $all] [llength [lsort -unique $all]]
        assert {"get" in $all && "set" in $all}
        assert_equal {get getdel getex getrange getset} \
            [lsort [lmap n [r command list filterby pattern get*] { expr {$n in {get getdel getex getrange getset} ? $n : [continue]} }]]
        assert {"get" in [r command list filterby aclcat read]}
        r hello 3
        r send command list filterby pattern nosuch*
        assert_equal "*0\r\n" [[srv client] raw]
        r hello 2
        assert {"set" ni [r command list filterby aclcat read]}
        assert_equal {} [r command list filterby module nosuch]
        assert_error "ERR syntax error" {r command list nosuch}
        assert_error "ERR syntax error" {r command list filterby nosuch x}
    }

    test "COMMAND GETKEYS" {
        assert_equal k [r command getkeys get k]
        assert_equal {a b} [r command getkeys mset a 1 b 2]
        assert_equal {a b c} [r command getkeys del a b c]
        assert_error "ERR Invalid command specified" {r command getkeys nosuch a}
        assert_error "ERR Invalid number of arguments specified for command" {r command getkeys get}
        assert_error "ERR wrong number of arguments for 'command|getkeys' command" {r command getkeys}
        assert_error "ERR Invalid number of arguments specified for command" {r command getkeys set a}
        assert_error "ERR The command has no key arguments" {r command getkeys ping x}
        assert_error "ERR The command has no key arguments" {r command getkeys ssubscribe a}
        assert_error "ERR Invalid arguments specified for command" {r command getkeys zunionstore a 0 b}
        set keys {}
        for {set i 0} {$i < 5000} {incr i} { lappend keys k$i }
        assert_equal $keys [r command getkeys mget {*}$keys]
    }

    test "COMMAND GETKEYSANDFLAGS" {
        assert_equal {{k {RO access}}} [r command getkeysandflags get k]
        assert_equal {{k {OW update}}} [r command getkeysandflags set k v]
        assert_equal {{k {RW access update}}} [r command getkeysandflags set k v get]
    }

    test "COMMAND DOCS" {
        set docs [r command docs get]
        assert_equal get [lindex $docs 0]
        set facts [lindex $docs 1]
        assert_equal string [dict get $facts group]
        assert_equal 1.0.0 [dict get $facts since]
        assert {[string length [dict get $facts summary]] > 5}
        assert_equal {} [r command docs nosuch]
    }

    test "COMMAND HELP and a wrong subcommand" {
        assert_match "COMMAND *" [lindex [r command help] 0]
        assert_error "ERR unknown subcommand 'nosuch'. Try COMMAND HELP." {r command nosuch}
    }

    test "Arity of every command is enforced" {
        foreach entry [r command] {
            lassign $entry name arity flags
            set need [expr {abs($arity)}]
            if {$need < 2} { continue }
            # One word less than the command needs.
            set words [concat [list $name] [lrepeat [expr {$need - 1}] x]]
            set words [lrange $words 0 [expr {$need - 2}]]
            if {[catch {r {*}$words} message]} {
                assert {[string match "ERR wrong number of arguments for '$name*' command" $message]
                    || [string match "ERR unknown subcommand*" $message]} "$words: $message"
            } else {
                fail "$words was accepted"
            }
        }
    }
}
