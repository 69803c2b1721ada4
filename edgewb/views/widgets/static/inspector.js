function enhance({ model, root }) {
  return acceptUploads({ model, root });
}
