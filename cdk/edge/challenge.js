// Function URLs send the header WWW-Authenticate under another name. Without it
// git asks for no password and agents ask for no token, so it is put back here:
// the one place at the edge that sees answers with a status of 400 and more.
exports.handler = async (event) => {
  const { response } = event.Records[0].cf;
  const moved = response.headers['x-amzn-remapped-www-authenticate'];
  if (moved) {
    response.headers['www-authenticate'] = moved.map(({ value }) => ({ key: 'WWW-Authenticate', value }));
    delete response.headers['x-amzn-remapped-www-authenticate'];
  }
  return response;
};
