# COMMAND and its subcommands: documentation, tips, lists, keys of a command line.

proc doc_of {name} {
    return [dict get [r command docs $name] $name]
}

start_server {} {
    test "COMMAND DOCS of one command" {
        set doc [doc_of get]
        assert_equal {summary since group complexity arguments} [dict keys $doc]
        assert_equal 1.0.0 [dict get $doc since]
        assert_equal string [dict get $doc group]
        set argument [lindex [dict get $doc arguments] 0]
        assert_equal {name key type key display_text key key_spec_index 0} $argument
    } {redis8}

    test "COMMAND DOCS leaves out unknown commands" {
        assert_equal {} [r command docs nosuchcommand]
        assert_equal {get set} [lsort [dict keys [r command docs get nosuchcommand set]]]
    }

    test "COMMAND DOCS names commands in lower case" {
        assert_equal get [dict keys [r command docs GeT]]
    }

    test "COMMAND DOCS of a container has its subcommands" {
        set subcommands [dict get [doc_of client] subcommands]
        assert {[dict exists $subcommands client|list]}
        assert_equal connection [dict get $subcommands client|list group]
    }

    test "COMMAND DOCS of a subcommand" {
        assert_equal client|list [dict keys [r command docs client|list]]
    }

    test "COMMAND DOCS of a deprecated command" {
        set doc [doc_of getset]
        assert_equal deprecated [dict get $doc doc_flags]
        assert_equal 6.2.0 [dict get $doc deprecated_since]
        assert_match "*SET*" [dict get $doc replaced_by]
    }

    test "COMMAND DOCS without names has every command" {
        set docs [r command docs]
        assert_equal [r command count] [dict size $docs]
        dict for {name doc} $docs {
            assert {[dict exists $doc summary] && [dict exists $doc since]} $name
        }
    }

    test "COMMAND DOCS in RESP3 is made of maps and sets" {
        set c [redis_client]
        $c hello 3
        $c write [resp::encode {command docs getset}]
        set raw [$c raw]
        assert_match "%1\r\n\$6\r\ngetset\r\n%*" $raw
        assert_match "*\$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n*" $raw
        $c close
    }

    test "COMMAND INFO shows the tips" {
        assert_equal {request_policy:multi_shard response_policy:agg_sum} \
            [lindex [r command info del] 0 7]
        assert_equal {} [lindex [r command info get] 0 7]
    }

    test "COMMAND INFO has ten fields, and nil for unknown commands" {
        lassign [r command info get nosuchcommand] get nothing
        assert_equal 10 [llength $get]
        assert_equal {get 2} [lrange $get 0 1]
        assert_equal {} $nothing
    }

    test "COMMAND LIST filters" {
        assert {"get" in [r command list]}
        assert {"client|list" in [r command list filterby pattern client*]}
        assert_equal {getdel getrange} [lsort [r command list filterby pattern {get[dr]*}]]
        assert {"get" in [r command list filterby aclcat string]}
        assert {"del" ni [r command list filterby aclcat string]}
        assert_equal {} [r command list filterby module nosuchmodule]
        assert_error "ERR syntax error*" {r command list filterby nothing x}
    }

    test "COMMAND GETKEYS and GETKEYSANDFLAGS" {
        assert_equal {a c} [r command getkeys mset a b c d]
        assert_equal {{a {OW update}}} [r command getkeysandflags mset a b]
        assert_error "ERR Invalid command specified" {r command getkeys nosuchcommand x}
        assert_error "ERR The command has no key arguments" {r command getkeys echo x}
        assert_error "ERR Invalid number of arguments specified for command" {r command getkeys get a b}
    }
}

# A renamed command is known, and documented, by its new name.
start_server {overrides {rename-command "getset swap"}} {
    test "COMMAND DOCS and rename-command" {
        assert_equal {} [r command docs getset]
        # Found by what it is called, described under its name.
        assert_equal 6.2.0 [dict get [r command docs swap] getset deprecated_since]
    } {sluice}
}
