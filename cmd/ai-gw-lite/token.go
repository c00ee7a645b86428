package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"
)

func newToken() *cobra.Command {
	return &cobra.Command{
		Use:   "token",
		Short: "Print a new random gateway token",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			var b [32]byte // 256 bits
			rand.Read(b[:])
			fmt.Println("gw_" + base64.RawURLEncoding.EncodeToString(b[:]))
		},
	}
}
