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
		RunE: func(*cobra.Command, []string) error {
			var b [32]byte // 256 bits
			rand.Read(b[:])
			_, err := fmt.Println("gw_" + base64.RawURLEncoding.EncodeToString(b[:]))
			return printed("token", err)
		},
	}
}
